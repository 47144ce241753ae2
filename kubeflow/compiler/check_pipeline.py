"""Find the obstacles in the TFX pipeline that its compiler would not explain or not see."""

import re
from collections.abc import Iterator

from tfx.components import InfraValidator
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_driver import BaseDriver
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.compiler_utils import get_artifact_schema
from tfx.orchestration.pipeline import Pipeline

from components.nodes import NODES
from kubeflow.compiler.findings import Finding, obstacle, warning

NODE_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
PIPELINE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LONGEST_NAME = 63  # of a Kubernetes label


def check_pipeline(pipeline: Pipeline) -> list[Finding]:
    """Return every obstacle that the nodes show."""
    findings = [finding for node in pipeline.components for finding in _node(node)]
    name = pipeline.pipeline_info.pipeline_name
    if not PIPELINE_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        problem = f"{name} is not a valid name on Kubernetes"
        remedy = f"use at most {LONGEST_NAME} of a-z, 0-9 and -"
        findings.append(obstacle("pipeline", problem, remedy))
    return findings


def _node(node: BaseNode) -> Iterator[Finding]:
    if not NODE_ID.fullmatch(node.id) or len(node.id) > LONGEST_NAME:
        yield obstacle(
            node.id,
            "the workflow engine does not accept this name",
            f"use at most {LONGEST_NAME} letters, digits and -",
        )
    if isinstance(node, Resolver):
        yield obstacle(
            node.id,
            "open-source Kubeflow runs no Resolver",
            "use Baseline, which looks up the release that serves",
        )
    if isinstance(node, InfraValidator):
        yield obstacle(
            node.id,
            "TFX's compiler for Kubeflow refuses an InfraValidator",
            "use ServingCheck, which writes the same blessing",
        )
    for name, value in node.exec_properties.items():
        if isinstance(value, RuntimeParameter) and value.default is None:
            yield obstacle(
                node.id,
                f"its run parameter {value.name} has no default",
                f"set one where {name} is set: a schedule cannot ask for it",
            )
    for key, channel in {**node.inputs, **node.outputs}.items():
        try:
            get_artifact_schema(channel.type)
        except ValueError:
            yield obstacle(
                node.id,
                f"{key} is of the artifact type {channel.type.TYPE_NAME}",
                "name the type like `package.Type`",
            )
    driver = getattr(node, "driver_class", BaseDriver)
    path = f"{driver.__module__}.{driver.__name__}"
    known = NODES[node.id].driver if node.id in NODES else None
    if isinstance(node, BaseComponent) and driver is not BaseDriver and path != known:
        yield warning(
            node.id,
            f"its driver {path} is never run on Kubeflow",
            "do its work in the executor",
        )
