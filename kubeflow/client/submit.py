"""Start one run now, and wait for its end."""

import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any

from kfp_server_api import V2beta1Run, V2beta1RuntimeConfig

from kubeflow.client.connection import Server
from kubeflow.client.errors import KubeflowError
from kubeflow.client.upload import Uploaded, experiment_id, upload
from kubeflow.compiler.package import Package
from pipeline.config.kubeflow import KubeflowConfig

Tell = Callable[[str], None]
ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
POLL_SECONDS = 10.0
PATIENCE = 30  # failed requests in a row that a waiting command forgives: about five minutes


def runtime_config(kubeflow: KubeflowConfig, parameters: Mapping[str, Any]) -> V2beta1RuntimeConfig:
    """Return the settings of a run; the spec sets the caching of each task."""
    return V2beta1RuntimeConfig(
        parameters=dict(parameters) or None, pipeline_root=kubeflow.pipeline_root
    )


def tell_upload(uploaded: Uploaded, package: Package, tell: Tell) -> None:
    """Print whether the package was uploaded or was there already."""
    outcome = "uploaded" if uploaded.new else "is there already:"
    tell(f"pipeline {package.name}: {outcome} version {uploaded.name}")


def submit(
    server: Server,
    kubeflow: KubeflowConfig,
    package: Package,
    parameters: Mapping[str, Any],
    tell: Tell,
) -> str:
    """Start a run.

    Args:
        server: of the run.
        kubeflow: experiment, service account and pipeline root.
        package: to run.
        parameters: run parameters that differ from their defaults.
        tell: called with each line for the terminal.

    Returns:
        The run's id.

    Raises:
        InputError: one sentence; no run was started.
    """
    uploaded = upload(server, package)
    tell_upload(uploaded, package, tell)
    experiment = experiment_id(server, kubeflow.experiment or package.name)
    now = datetime.datetime.now(datetime.UTC)
    run = V2beta1Run(
        display_name=f"{package.name} {now:%Y-%m-%d %H:%M:%S}",
        experiment_id=experiment,
        pipeline_version_reference=uploaded.reference,
        runtime_config=runtime_config(kubeflow, parameters),
        service_account=kubeflow.service_account,
    )
    started = server.call(
        f"start a run of {package.name}", server.client.runs.run_service_create_run, run=run
    )
    page = server.page(f"runs/details/{started.run_id}")
    tell(f"run {started.display_name}: started as {started.run_id}")
    if page:
        tell(f"  {page}")
    return str(started.run_id)


def wait(server: Server, package: Package, namespace: str, run_id: str, tell: Tell) -> bool:
    """Wait for the end of a run and print each change of its state.

    A server that does not answer for a while does not end the waiting.

    Args:
        server: of the run.
        package: that runs.
        namespace: of the pods, where it is not the server's own.
        run_id: as `submit` returned it.
        tell: called with each line for the terminal.

    Returns:
        Whether it succeeded.

    Raises:
        KubeflowError: the server refuses to answer, or does not for too long; the run goes on.
    """
    seen, failures = "", 0
    while True:
        try:
            run = server.call(
                f"read the state of run {run_id}", server.client.runs.run_service_get_run, run_id
            )
            failures = 0
        except KubeflowError as error:
            failures += 1
            if not error.passing or failures >= PATIENCE:
                sentence = f"{error}; the run itself goes on"
                raise KubeflowError(sentence, error.status) from error
            time.sleep(POLL_SECONDS)
            continue
        state = str(run.state or "PENDING")
        if state != seen:
            tell(f"run {run_id}: {state.lower()}")
            seen = state
        if state in ENDED:
            if state == "FAILED":
                page = server.page(f"runs/details/{run_id}")
                for line in _failure(run, package, server.namespace or namespace, page):
                    tell(f"  {line}")
            return state in ("SUCCEEDED", "SKIPPED")
        time.sleep(POLL_SECONDS)


def _failure(run: Any, package: Package, namespace: str, page: str | None) -> list[str]:
    """Name the nodes that failed, and the commands that show why.

    The API lists everything in the workflow, so also 'root' and 'executor(0)', and up to 2.17 it
    sets no error on any of them: only the pods know why.
    """
    nodes = package.spec["root"]["dag"]["tasks"]
    known = {name: name for name in nodes}
    known |= {f"{name}-driver": f"Kubeflow's driver of {name}" for name in nodes}
    tasks = (run.run_details.task_details if run.run_details else None) or []
    lines = []
    for task in tasks:
        if task.state == "FAILED" and task.display_name in known:
            reason = f": {' '.join(task.error.message.split())}" if _has_message(task.error) else ""
            lines.append(f"{known[task.display_name]}: failed (task {task.task_id}){reason}")
    if _has_message(run.error):
        lines.append(" ".join(run.error.message.split()))
    pods = f"kubectl -n {namespace} get pods -l pipeline/runid={run.run_id}"
    why = '.status.containerStatuses[?(@.name=="main")].state.terminated.message'
    lines += [
        f"why: {pods} --field-selector status.phase=Failed -o custom-columns='POD:.metadata.name,"
        f"WHY:{why}'",
        f"log: kubectl -n {namespace} logs POD -c main" + (f", or {page}" if page else ""),
    ]
    return lines


def _has_message(error: Any) -> bool:
    return bool(error and error.message)
