"""Run every task of a compiled package on this machine, each once its upstream tasks are done."""

import concurrent.futures
import dataclasses
import graphlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from kubeflow.dry_run import pod
from kubeflow.dry_run.driver import Artifact, Task, inputs_of, meets_condition, outputs_of
from schema.errors import InputError

State = Literal["started", "ran", "skipped", "failed"]
Listener = Callable[[str, State], None]  # of a task's name and new state
AT_ONCE = 2  # tasks; each is a process that imports TFX
DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"  # of Kubeflow's own object store


@dataclasses.dataclass(frozen=True)
class DryRun:
    """The states of all tasks and the artifacts that they wrote."""

    states: dict[str, State]
    outputs: dict[str, dict[str, Artifact]]  # by task and output key
    store: Path  # stands for the object store

    def folder(self, task: str, key: str) -> Path:
        """The files of an artifact."""
        return self.store / self.outputs[task][key]["uri"].split("://", 1)[1]


def run_parameters(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a run: the given values, and the defaults of the spec.

    Raises:
        InputError: the spec has no such parameter, or one has no value.
    """
    defined = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    unknown = sorted({*values} - {*defined})
    if unknown:
        raise InputError(
            f"{unknown[0]} is not a run parameter; choose from {', '.join(sorted(defined))}"
        )
    missing = sorted(n for n in defined if n not in values and "defaultValue" not in defined[n])
    if missing:
        raise InputError(f"the run parameter {missing[0]} has no value")
    return {name: values.get(name, defined[name].get("defaultValue")) for name in defined}


def run_tasks(
    text: str, folder: Path, values: Mapping[str, Any], listen: Listener | None = None
) -> DryRun:
    """Run every task of a package on this machine.

    Left out is what only a cluster has: images, resources, volumes, secrets, retries, the cache.

    Args:
        text: of the package, a YAML file.
        folder: of this dry run; the store, the pods and their logs go there.
        values: run parameters that differ from their defaults.
        listen: called with every change of a task's state.

    Raises:
        InputError: a task failed; the tasks after it were not started.
    """
    spec = next(iter(yaml.safe_load_all(text)))
    root = spec.get("defaultPipelineRoot", DEFAULT_ROOT)
    run = _Run(spec, folder, run_parameters(spec, values), f"{root}/dry-run/{folder.name}")
    return run.all_tasks(listen or (lambda *_: None))


def sorter(tasks: Mapping[str, Task]) -> graphlib.TopologicalSorter[str]:
    """Sort tasks by their dependencies.

    Args:
        tasks: of the root DAG, by name.

    Raises:
        InputError: they wait for each other.
    """
    order = graphlib.TopologicalSorter({name: upstream(task) for name, task in tasks.items()})
    try:
        order.prepare()
    except graphlib.CycleError as error:
        raise InputError(f"the tasks {', '.join(error.args[1])} wait for each other") from error
    return order


def upstream(task: Task) -> set[str]:
    """Return the names of the tasks that a task waits for."""
    waits = set(task.get("dependentTasks", ()))
    inputs = task.get("inputs", {})
    for given in inputs.get("artifacts", {}).values():
        waits.add(given["taskOutputArtifact"]["producerTask"])
    for given in inputs.get("parameters", {}).values():
        if "taskOutputParameter" in given:
            waits.add(given["taskOutputParameter"]["producerTask"])
    return waits


class _Run:
    def __init__(self, spec: Any, folder: Path, parameters: dict[str, Any], root: str):
        self._spec, self._folder, self._parameters, self._root = spec, folder, parameters, root
        self._tasks = spec["root"]["dag"]["tasks"]
        self._outputs: dict[str, dict[str, Artifact]] = {}
        self._states: dict[str, State] = {}

    def all_tasks(self, listen: Listener) -> DryRun:
        order = sorter(self._tasks)
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
        return DryRun(self._states, self._outputs, self._folder / "store")

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
        if any(self._states[before] == "skipped" for before in upstream(task)):
            return "skipped"
        component = self._spec["components"][task["componentRef"]["name"]]
        inputs = inputs_of(task, self._parameters, self._outputs, component)
        if not meets_condition(task, inputs):
            return "skipped"
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label].get("container")
        if container is None:
            raise InputError("is not a container, and a dry run can start only containers")
        here = pod.Pod(self._folder / "pods" / name, self._folder / "logs" / f"{name}.log")
        outputs = outputs_of(component, name, self._root, here.output_file)
        executor_input = {"inputs": inputs, "outputs": outputs}
        self._outputs[name] = pod.run(here, self._folder / "store", container, executor_input)
        shutil.rmtree(here.root)  # nothing but artifacts and volumes outlives a pod
        return "ran"


def _named(name: str, sentence: str) -> str:
    return sentence if sentence.startswith(f"{name}: ") else f"{name}: {sentence}"
