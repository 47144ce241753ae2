"""Which task waits for which, and whether its condition lets it run."""

import graphlib
import json
from collections.abc import Mapping
from typing import Any

import celpy

from schema.errors import InputError

Task = Mapping[str, Any]  # a PipelineTaskSpec, as JSON


def sorter(tasks: Mapping[str, Task]) -> graphlib.TopologicalSorter[str]:
    """The tasks in the order of their dependencies, ready to be asked.

    Args:
        tasks: of the root DAG, by name.

    Raises:
        InputError: they wait for each other.
    """
    found = graphlib.TopologicalSorter({name: upstream(task) for name, task in tasks.items()})
    try:
        found.prepare()
    except graphlib.CycleError as error:
        raise InputError(f"the tasks {', '.join(error.args[1])} wait for each other") from error
    return found


def upstream(task: Task) -> set[str]:
    """The tasks whose end a task waits for."""
    waits = set(task.get("dependentTasks", ()))
    inputs = task.get("inputs", {})
    for given in inputs.get("artifacts", {}).values():
        waits.add(given["taskOutputArtifact"]["producerTask"])
    for given in inputs.get("parameters", {}).values():
        if "taskOutputParameter" in given:
            waits.add(given["taskOutputParameter"]["producerTask"])
    return waits


def runs(task: Task, inputs: Mapping[str, Any]) -> bool:
    """Decide a task's condition, a CEL expression over its parameters.

    Args:
        task: its spec.
        inputs: of its executor input.
    """
    condition = task.get("triggerPolicy", {}).get("condition")
    if not condition:
        return True
    environment = celpy.Environment()
    program = environment.program(environment.compile(condition))
    # Kubeflow's driver knows the parameters under these two names, and no artifacts.
    values = inputs.get("parameterValues", {})
    known = {"parameter_values": values, "parameters": values}
    try:
        return bool(program.evaluate({"inputs": celpy.json_to_cel(json.loads(json.dumps(known)))}))
    except celpy.CELEvalError as error:
        raise InputError(f"the condition {condition!r} cannot be decided: {error}") from error
