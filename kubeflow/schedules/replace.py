"""Replace the schedule of a name: never two at once, never an incomplete one.

Kubeflow can make, enable, pause and delete a schedule, but not change one. So a changed one is
made anew and paused; the old one is paused; the new one is enabled; the old one is deleted. If a
step fails, the change is taken back. If this process is killed, the next call finds the leftovers
and finishes, because the newest of them says in its description what was wanted.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kfp_server_api import (
    RecurringRunMode,
    V2beta1CronSchedule,
    V2beta1RecurringRun,
    V2beta1Trigger,
)

from kubeflow.client.connection import UNKNOWN, Server
from kubeflow.client.errors import KubeflowError
from kubeflow.client.submit import Tell, runtime_config, tell_upload
from kubeflow.client.upload import experiment_id, upload
from kubeflow.compiler.package import Package
from kubeflow.schedules import recurring_runs
from kubeflow.schedules.cron import Cron
from kubeflow.schedules.recurring_runs import Schedule
from pipeline.config.kubeflow import KubeflowConfig
from schema.errors import InputError

HONOURS_ACCOUNT = (2, 17)  # the version from which a schedule's service account is used
Outcome = Literal["scheduled", "replaced", "is scheduled so already", "resumed", "paused"]


def schedule(
    server: Server,
    kubeflow: KubeflowConfig,
    package: Package,
    cron: Cron,
    name: str,
    parameters: Mapping[str, Any],
    enabled: bool | None,
    tell: Tell,
) -> tuple[Outcome, bool]:
    """Schedule a package; a second call changes nothing, other arguments update the schedule.

    Args:
        server: of the schedule.
        kubeflow: experiment, service account and pipeline root of the runs.
        package: that runs.
        cron: the times of the runs.
        name: of the schedule.
        parameters: run parameters that differ from their defaults.
        enabled: None leaves a paused schedule paused.
        tell: called with each line for the terminal.

    Returns:
        What was done, and whether it is enabled now.

    Raises:
        InputError: one sentence; all is as before, unless it says otherwise.
    """
    uploaded = upload(server, package)
    tell_upload(uploaded, package, tell)
    existing = recurring_runs.find(server, name)
    if any(s.content is None or s.pipeline_id != uploaded.pipeline_id for s in existing):
        raise InputError(
            f"{server.host}: there is a schedule {name} that is not one of {package.name}; choose "
            f"another --name, or delete that one: diptych kubeflow schedule delete {name}"
        )
    wanted = V2beta1RecurringRun(
        display_name=name,
        experiment_id=experiment_id(server, kubeflow.experiment or package.name),
        pipeline_version_reference=uploaded.reference,
        runtime_config=runtime_config(kubeflow, parameters),
        service_account=kubeflow.service_account,
        trigger=V2beta1Trigger(cron_schedule=V2beta1CronSchedule(cron=cron.text)),
        max_concurrency="1",
        no_catchup=True,
    )
    content = _fingerprint(server, wanted)
    on = _state_before(existing) if enabled is None else enabled
    counts = recurring_runs.that_counts(existing) if existing else None
    if counts is not None and counts.content == content:
        return _same(server, counts, existing, on, tell), on
    wanted.description = recurring_runs.mark(uploaded.name, content, on)
    _put_in_place(server, wanted, existing, on, tell)
    return "replaced" if existing else "scheduled", on


def account_warning(server: Server, kubeflow: KubeflowConfig) -> str | None:
    """Warn of a server that ignores the service account of scheduled runs."""
    account = kubeflow.service_account
    if account is None or server.is_at_least(*HONOURS_ACCOUNT):
        return None
    honours = ".".join(map(str, HONOURS_ACCOUNT))
    version = f"is {server.version}"
    if server.version == UNKNOWN:
        version = "does not name its version"
    return (
        f"scheduled runs take kubeflow.service_account from Kubeflow Pipelines {honours} on, and "
        f"{server.host} {version}: before it they run as the server's default account; give that "
        f"one (pipeline-runner, or default-editor where there are several users) the rights of "
        f"{account}, or upgrade the server"
    )


def _fingerprint(server: Server, wanted: V2beta1RecurringRun) -> str:
    body = server.client.api_client.sanitize_for_serialization(wanted)
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _state_before(existing: Sequence[Schedule]) -> bool:
    """Whether a name was enabled before a change that may have been cut off."""
    if not existing or any(entry.enabled for entry in existing):
        return True
    # All of several are paused only while a change is under way: the newest tells its aim.
    return len(existing) > 1 and recurring_runs.that_counts(existing).wanted


def _same(
    server: Server, counts: Schedule, existing: Sequence[Schedule], on: bool, tell: Tell
) -> Outcome:
    if counts.enabled != on:
        recurring_runs.switch(server, counts, on)
    recurring_runs.remove_others(server, existing, counts, tell)
    if counts.enabled == on:
        return "is scheduled so already"
    return "resumed" if on else "paused"


def _put_in_place(
    server: Server, wanted: V2beta1RecurringRun, existing: Sequence[Schedule], on: bool, tell: Tell
) -> None:
    name = wanted.display_name
    running = [entry for entry in existing if entry.enabled]
    at_once = on and not running
    wanted.mode = RecurringRunMode.ENABLE if at_once else RecurringRunMode.DISABLE
    part = server.client.recurring_runs
    make = part.recurring_run_service_create_recurring_run
    try:
        made = recurring_runs.read(
            server.call(f"make the schedule {name}", make, recurring_run=wanted)
        )
        for entry in running:
            recurring_runs.switch(server, entry, on=False)
        if on and not at_once:
            recurring_runs.switch(server, made, on=True)
    except BaseException as error:  # an impatient Ctrl-C too
        _take_back(server, name, existing, running, error)
        raise
    try:
        recurring_runs.remove_others(server, existing, made, tell)
    except KubeflowError as error:
        sentence = f"the schedule {name} is changed; the old one may be left, paused: {error}"
        raise KubeflowError(sentence, error.status) from error


def _take_back(
    server: Server,
    name: str,
    existing: Sequence[Schedule],
    running: Sequence[Schedule],
    error: BaseException,
) -> None:
    """Undo a change: delete what was made, then enable what was enabled."""
    before = {entry.id for entry in existing}
    try:
        for entry in recurring_runs.find(server, name):
            if entry.id not in before:
                recurring_runs.remove(server, entry)
        for entry in running:
            recurring_runs.switch(server, entry, on=True)
    except KubeflowError as second:
        first = str(error) or "interrupted"
        sentence = f"{first}; the change could not be undone either: {second}"
        sentence += "; give the same command again to finish it"
        raise KubeflowError(sentence, second.status) from error
