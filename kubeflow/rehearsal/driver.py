"""What Kubeflow's driver makes of a task: the executor input that its launcher gets.

After kubeflow/pipelines, backend/src/v2/driver: every number is a float, an input artifact has no
type but an id for a name, and an output for the pod's log is added.
"""

from collections.abc import Mapping
from typing import Any

from kubeflow.rehearsal.graph import Task

Artifact = dict[str, Any]  # a RuntimeArtifact, as JSON
Outputs = Mapping[str, Mapping[str, Artifact]]  # by task and output key
# What the launcher hands a pod that comes after: MLMD keeps no schema.
NO_TYPE = {"instanceSchema": ""}
LOG_TYPE = {"schemaTitle": "system.Artifact"}


def inputs_of(
    task: Task, parameters: Mapping[str, Any], outputs: Outputs, component: Mapping[str, Any]
) -> dict[str, Any]:
    """The `inputs` of an executor input.

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
        found = outputs[produced["producerTask"]][produced["outputArtifactKey"]]
        artifacts[name] = {"artifacts": [{**found, "type": NO_TYPE}]}
    return {"parameterValues": {k: _number(v) for k, v in values.items()}, "artifacts": artifacts}


def outputs_of(
    component: Mapping[str, Any], task_name: str, run_root: str, output_file: str
) -> dict[str, Any]:
    """The `outputs` of an executor input.

    Args:
        component: its ComponentSpec.
        task_name: names the folder of its outputs.
        run_root: address of the run's folder in the object store.
        output_file: where the pod is to leave its ExecutorOutput.
    """
    specs = component.get("outputDefinitions", {}).get("artifacts", {})
    artifacts = {
        key: {
            "artifacts": [
                {
                    "uri": f"{run_root}/{task_name}/{key}",
                    "type": spec["artifactType"],
                    "metadata": spec.get("metadata", {}),
                }
            ]
        }
        for key, spec in specs.items()
    }
    log = {"uri": f"{run_root}/{task_name}/executor-logs", "type": LOG_TYPE}
    artifacts["executor-logs"] = {"artifacts": [log]}
    return {"artifacts": artifacts, "outputFile": output_file}


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
