"""Find what open-source Kubeflow or the operating system would refuse in the compiled spec."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from kubeflow.compiler.findings import Finding, obstacle, warning
from kubeflow.compiler.platforms import COMMAND, Platform

LONGEST_ARGUMENT = 128 * 1024  # bytes of one argument of a command, in Linux
ROOM_FOR_ARTIFACTS = 8 * 1024  # of the executor input: addresses and properties, seen up to 5 KiB
LARGEST_SPEC = 1_000_000  # bytes; Kubernetes stores no object above 1.5 MiB, the workflow included
PLACEHOLDER = "{{$}}"


def check_spec(spec: Mapping[str, Any], platform: Platform) -> list[Finding]:
    """Return every obstacle that the spec shows.

    Args:
        spec: a PipelineSpec 2.1.0, as JSON.
        platform: where it is to run.
    """
    findings = [
        finding for node in spec["root"]["dag"]["tasks"] for finding in _task(spec, node, platform)
    ]
    findings += check_retries(spec) if platform == "kubeflow" else []
    for name, given in spec["root"].get("inputDefinitions", {}).get("parameters", {}).items():
        if "defaultValue" not in given:
            problem = f"the run parameter {name} has no default"
            remedy = "set one: a schedule cannot ask for it"
            findings.append(obstacle("pipeline", problem, remedy))
    size = len(json.dumps(spec).encode())
    if size > LARGEST_SPEC:
        problem = f"the spec is {size:,} bytes, and Kubernetes may refuse to store the workflow"
        findings.append(warning("pipeline", problem, "shorten the config"))
    return findings


def _task(spec: Mapping[str, Any], node: str, platform: Platform) -> Iterator[Finding]:
    task = spec["root"]["dag"]["tasks"][node]
    component = spec["components"][task["componentRef"]["name"]]
    executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
    condition = task.get("triggerPolicy", {}).get("condition", "")
    if platform == "kubeflow" and "inputs.artifacts" in condition:
        yield obstacle(
            node,
            "runs on a condition about artifacts, and open-source Kubeflow knows only parameters",
            "decide inside the node",
        )
    if platform == "kubeflow" and "resolver" in executor:
        yield obstacle(
            node,
            "open-source Kubeflow runs no Resolver",
            "use Baseline, which looks up the release that serves",
        )
    inputs = task.get("inputs", {}).get("parameters", {})
    for name, given in inputs.items():
        constant = given.get("runtimeValue", {}).get("constant")
        if isinstance(constant, str) and "{{" in constant:
            yield obstacle(
                node,
                f"its {name} holds '{{{{', which the workflow engine takes for a placeholder",
                "write it with a space between the braces",
            )
    container = executor.get("container")
    if container is None:
        return
    if tuple(container.get("command", ())) != COMMAND:
        yield obstacle(
            node,
            "its command is not Diptych's entrypoint, and TFX cannot read what the launcher passes",
            "compile with `diptych kubeflow compile`",
        )
    filled_in = (
        len(json.dumps({"inputs": {"parameterValues": inputs}}).encode()) + ROOM_FOR_ARTIFACTS
    )
    for argument in container.get("args", ()):
        size = len(argument.encode()) + (filled_in if PLACEHOLDER in argument else 0)
        if size > LONGEST_ARGUMENT:
            yield obstacle(
                node,
                f"an argument of its command would be {size:,} bytes, and Linux takes "
                f"{LONGEST_ARGUMENT:,}",
                "shorten the config",
            )


def check_retries(spec: Mapping[str, Any]) -> list[Finding]:
    """Find retries that would never come: an unset time for them reaches Argo as 0 seconds.

    Args:
        spec: a PipelineSpec, as JSON.
    """
    findings = []
    for node, task in spec["root"].get("dag", {}).get("tasks", {}).items():
        policy = pipeline_spec_pb2.PipelineTaskSpec.RetryPolicy()
        json_format.ParseDict(dict(task.get("retryPolicy", {})), policy)
        if policy.max_retry_count and not policy.backoff_max_duration.seconds:
            findings.append(
                obstacle(
                    node,
                    "its retries have no backoffMaxDuration, so Argo gives up at the first failure",
                    "compile again with `diptych kubeflow compile`",
                )
            )
    return findings
