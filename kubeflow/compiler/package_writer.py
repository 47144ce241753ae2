"""Compile a config into a package: the file that Kubeflow Pipelines or Vertex AI runs."""

import dataclasses
import time
from typing import Any

import yaml

from kubeflow.compiler import run_parameters
from kubeflow.compiler.check_config import check_config
from kubeflow.compiler.check_spec import check_spec
from kubeflow.compiler.findings import Finding, refuse
from kubeflow.compiler.node_settings import (
    cacheable,
    container_settings,
    platform_document,
    task_settings,
)
from kubeflow.compiler.platforms import COMMAND, Platform
from pipeline.code_digest import node_digest
from pipeline.config.kubeflow import KubeflowConfig
from pipeline.config.run_config import RunConfig
from pipeline.local.run_logs import logs_of
from pipeline.local.session import output_logged

Spec = dict[str, Any]
LOG = "kubeflow-compile.log"


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled pipeline: the text of its file, and what the checks found."""

    text: str
    findings: tuple[Finding, ...]


def compile_with_log(config: RunConfig, platform: Platform) -> tuple[Compiled, float]:
    """Compile a config; what TFX prints goes to a log in the workspace.

    Returns:
        The package, and the seconds that compiling took once TFX was imported.

    Raises:
        ObstacleError: the platform could not run it.
    """
    refuse(check_config(config, platform))  # half a minute before TFX is imported
    with output_logged(logs_of(config) / LOG):
        from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner  # noqa: F401

        started = time.monotonic()
        package = compile_package(config, platform)
        return package, time.monotonic() - started


def examine_with_log(config: RunConfig, platform: Platform) -> list[Finding]:
    """Return every obstacle and warning; what TFX prints goes to a log in the workspace."""
    with output_logged(logs_of(config) / LOG):
        return examine(config, platform)[1]


def compile_package(config: RunConfig, platform: Platform) -> Compiled:
    """Compile a config for a platform.

    Args:
        config: with a `kubeflow` section.
        platform: one package runs on one of them only.

    Returns:
        The text of a YAML file: a PipelineSpec 2.1.0, and for open-source Kubeflow a second
        document for Kubernetes. The text is the same for the same config and code.

    Raises:
        ObstacleError: the platform could not run it; a sentence for each obstacle.
    """
    documents, findings = examine(config, platform)
    refuse(findings)
    return Compiled(yaml.safe_dump_all(documents, sort_keys=True, width=100), tuple(findings))


def examine(config: RunConfig, platform: Platform) -> tuple[list[Spec], list[Finding]]:
    """Find every obstacle; one may hide those that a later stage would find.

    Returns:
        The documents of the package, if it could be compiled at all, and the findings.
    """
    findings = check_config(config, platform)
    kubeflow = config.kubeflow
    if kubeflow is None:
        return [], findings
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
        KubeflowV2DagRunner,
        KubeflowV2DagRunnerConfig,
    )

    from kubeflow.compiler.check_pipeline import check_pipeline
    from pipeline.create_pipeline import create_pipeline

    there = config.on_cluster(kubeflow)
    pipeline = create_pipeline(
        there,
        kubeflow.pipeline_root or "",
        enable_cache=False,
        checkpoints=kubeflow.checkpoints,
    )
    in_nodes = check_pipeline(pipeline)
    findings += in_nodes
    if any(finding.level == "obstacle" for finding in in_nodes):
        return [], findings  # TFX's compiler would stumble over them
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            default_image=kubeflow.image,
            default_commands=list(COMMAND),
            use_pipeline_spec_2_1=True,
        )
    )
    spec: Spec = runner.run(pipeline, write_out=False)["pipelineSpec"]
    if kubeflow.pipeline_root:
        spec["defaultPipelineRoot"] = kubeflow.pipeline_root
    for node_id in spec["root"]["dag"]["tasks"]:
        _finish(spec, node_id, there, kubeflow, platform)
    documents = [spec]
    if platform == "kubeflow":
        labels = {name: spec["components"][name]["executorLabel"] for name in spec["components"]}
        pods = platform_document(kubeflow, labels)
        documents += [pods] if pods else []
    return documents, findings + check_spec(spec, platform)


def _finish(
    spec: Spec, node_id: str, config: RunConfig, kubeflow: KubeflowConfig, platform: Platform
) -> None:
    """Add to a task what TFX's compiler cannot write."""
    node = kubeflow.node(node_id)
    task = spec["root"]["dag"]["tasks"][node_id]
    component = spec["components"][node_id]
    container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    _add_parameters(spec, node_id, config)
    task.update(task_settings(node, platform, cacheable(node_id, config)))
    container.update(container_settings(node))
    if node.image:
        container["image"] = node.image
    # The code's digest is part of the arguments, and so of Kubeflow's cache key.
    ours = [f"--platform={platform}", f"--node={node_id}", f"--code_version={node_digest(node_id)}"]
    container["args"] = ours + container["args"]
    hook = container.get("lifecycle", {}).get("preCacheCheck")
    if hook and platform == "vertex":
        hook["command"] = list(COMMAND)
        hook["args"] = [*ours, "--driver_only", *hook["args"]]
    elif hook:
        del container["lifecycle"]  # open-source Kubeflow never runs it; our entrypoint does


def _add_parameters(spec: Spec, node_id: str, config: RunConfig) -> None:
    inputs = spec["root"]["dag"]["tasks"][node_id].get("inputs", {}).get("parameters", {})
    properties = {key: given["runtimeValue"]["constant"] for key, given in inputs.items()}
    for parameter in run_parameters.taken_by(node_id, properties):
        name = run_parameters.PREFIX + parameter.name
        inputs[name] = {"componentInputParameter": parameter.name}
        definitions = spec["components"][node_id]["inputDefinitions"]
        definitions["parameters"][name] = {"parameterType": parameter.kind}
        root = spec["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
        root[parameter.name] = {
            "parameterType": parameter.kind,
            "defaultValue": run_parameters.default(parameter, config),
            "description": parameter.description,
            "isOptional": True,
        }
