"""Do for a task what Kubeflow's driver does: decide its condition and write its executor input.

After kubeflow/pipelines 2.16.1, backend/src/v2/driver: every number is a float, an input artifact
has an id instead of a name and no type, an output for the pod's log is added, each execution of a
task has a folder of its own, and empty fields are left out, as in all of protobuf's JSON.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import celpy

from kubeflow.entrypoint.adapter import LOGS
from schema.errors import InputError

Task = Mapping[str, Any]  # a PipelineTaskSpec, as JSON
Artifact = dict[str, Any]  # a RuntimeArtifact, as JSON
Outputs = Mapping[str, Mapping[str, Artifact]]  # by task and output key
# What the launcher hands a pod that comes after: MLMD keeps no schema.
NO_TYPE = {"instanceSchema": ""}
LOG_TYPE = {"schemaTitle": "system.Artifact"}


def inputs_of(
    task: Task, parameters: Mapping[str, Any], outputs: Outputs, component: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the `inputs` of an executor input.

    Args:
        task: its spec.
        parameters: of the run, by name.
        outputs: of the tasks before.
        component: its ComponentSpec; knows defaults.
    """
    given = task.get("inputs", {})
    values: dict[str, Any] = {}
    for name, source in given.get("parameters", {}).items():
        if "componentInputParameter" in source:
            values[name] = parameters[source["componentInputParameter"]]
        else:
            values[name] = source["runtimeValue"]["constant"]
    for name, spec in component.get("inputDefinitions", {}).get("parameters", {}).items():
        if "defaultValue" in spec:
            values.setdefault(name, spec["defaultValue"])
    artifacts = {}
    for name, source in given.get("artifacts", {}).items():
        produced = source["taskOutputArtifact"]
        artifact = outputs[produced["producerTask"]][produced["outputArtifactKey"]]
        artifacts[name] = {"artifacts": [{**artifact, "type": NO_TYPE}]}
    made: dict[str, Any] = {"parameterValues": {k: _number(v) for k, v in values.items()}}
    return made | {"artifacts": artifacts} if artifacts else made


def outputs_of(
    component: Mapping[str, Any],
    task_name: str,
    run_root: str,
    output_file: str,
    execution: str | None = None,
) -> dict[str, Any]:
    """Build the `outputs` of an executor input.

    Args:
        component: its ComponentSpec.
        task_name: names the folder of its outputs.
        run_root: address of the run's folder in the object store.
        output_file: where the pod is to leave its ExecutorOutput.
        execution: names a folder below the task's; default: a new UUID.
    """
    folder = f"{run_root}/{task_name}/{execution or uuid.uuid4()}"
    artifacts = {}
    for key, spec in component.get("outputDefinitions", {}).get("artifacts", {}).items():
        made = {"name": key, "uri": f"{folder}/{key}", "type": spec["artifactType"]}
        if spec.get("metadata"):
            made["metadata"] = spec["metadata"]
        artifacts[key] = {"artifacts": [made]}
    # The launcher puts the number of the attempt behind it.
    log = {"name": LOGS, "uri": f"{folder}/{LOGS}-0", "type": LOG_TYPE}
    artifacts[LOGS] = {"artifacts": [log]}
    return {"artifacts": artifacts, "outputFile": output_file}


def meets_condition(task: Task, inputs: Mapping[str, Any]) -> bool:
    """Evaluate a task's condition, a CEL expression over its parameters.

    Args:
        task: its spec.
        inputs: of its executor input.

    Raises:
        InputError: the condition needs more than the parameters.
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


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
