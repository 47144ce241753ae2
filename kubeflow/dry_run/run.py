"""Run a whole package: every task as soon as those before it are done."""

import concurrent.futures
import dataclasses
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from kubeflow.dry_run import graph, pod
from kubeflow.dry_run.driver import Artifact, inputs_of, outputs_of
from schema.errors import InputError

State = Literal["started", "ran", "skipped", "failed"]
Listener = Callable[[str, State], None]  # of a task's name and new state
AT_ONCE = 2  # tasks; each is a process that imports TFX
DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"  # of Kubeflow's own object store


@dataclasses.dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal left."""

    states: dict[str, State]
    outputs: dict[str, dict[str, Artifact]]  # by task and output key
    store: Path  # stands for the object store

    def folder(self, task: str, key: str) -> Path:
        """The files of an artifact."""
        return self.store / self.outputs[task][key]["uri"].split("://", 1)[1]


def run_parameters(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run: what is given, else the spec's defaults.

    Raises:
        InputError: the spec has no such parameter, or one has no value.
    """
    defined = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    unknown = sorted({*values} - {*defined})
    if unknown:
        raise InputError(
            f"{unknown[0]} is no run parameter; there are {', '.join(sorted(defined))}"
        )
    missing = sorted(n for n in defined if n not in values and "defaultValue" not in defined[n])
    if missing:
        raise InputError(f"the run parameter {missing[0]} has no value")
    return {name: values.get(name, defined[name].get("defaultValue")) for name in defined}


def rehearse(
    text: str, folder: Path, values: Mapping[str, Any], listen: Listener | None = None
) -> Rehearsed:
    """Run every task of a package here.

    What a cluster adds is not rehearsed: images, resources, volumes, secrets, retries, the cache.

    Args:
        text: of the package, a YAML file.
        folder: of this rehearsal; the store, the pods and their logs go there.
        values: run parameters that differ from their defaults.
        listen: called with every change of a task's state.

    Raises:
        InputError: a task failed; the rest of them was not started.
    """
    spec = next(iter(yaml.safe_load_all(text)))
    root = spec.get("defaultPipelineRoot", DEFAULT_ROOT)
    run = _Run(spec, folder, run_parameters(spec, values), f"{root}/rehearsal/{folder.name}")
    return run.all_tasks(listen or (lambda *_: None))


class _Run:
    def __init__(self, spec: Any, folder: Path, parameters: dict[str, Any], root: str):
        self._spec, self._folder, self._parameters, self._root = spec, folder, parameters, root
        self._tasks = spec["root"]["dag"]["tasks"]
        self._outputs: dict[str, dict[str, Artifact]] = {}
        self._states: dict[str, State] = {}

    def all_tasks(self, listen: Listener) -> Rehearsed:
        order = graph.sorter(self._tasks)
        (self._folder / "logs").mkdir(parents=True)
        running: dict[concurrent.futures.Future[State], str] = {}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pods:
            try:
                while order.is_active():
                    for name in order.get_ready():
                        running[pods.submit(self._task, name, listen)] = name
                    done, _ = concurrent.futures.wait(
                        running, return_when=concurrent.futures.FIRST_COMPLETED
                    )
                    for future in done:
                        name = running.pop(future)
                        self._states[name] = future.result()
                        order.done(name)
            except (InputError, KeyboardInterrupt):
                pods.shutdown(cancel_futures=True)
                raise
        return Rehearsed(self._states, self._outputs, self._folder / "store")

    def _task(self, name: str, listen: Listener) -> State:
        listen(name, "started")
        try:
            state = self._pod(name)
        except InputError as error:
            listen(name, "failed")
            raise InputError(_named(name, str(error))) from error
        listen(name, state)
        return state

    def _pod(self, name: str) -> State:
        task = self._tasks[name]
        if any(self._states[each] == "skipped" for each in graph.upstream(task)):
            return "skipped"
        component = self._spec["components"][task["componentRef"]["name"]]
        inputs = inputs_of(task, self._parameters, self._outputs, component)
        if not graph.runs(task, inputs):
            return "skipped"
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label].get("container")
        if container is None:
            raise InputError("is no container, and only containers can be rehearsed")
        here = pod.Pod(self._folder / "pods" / name, self._folder / "logs" / f"{name}.log")
        outputs = outputs_of(component, name, self._root, here.output_file)
        executor_input = {"inputs": inputs, "outputs": outputs}
        self._outputs[name] = pod.run(here, self._folder / "store", container, executor_input)
        shutil.rmtree(here.root)  # nothing but artifacts and volumes outlives a pod
        return "ran"


def _named(name: str, sentence: str) -> str:
    return sentence if sentence.startswith(f"{name}: ") else f"{name}: {sentence}"
