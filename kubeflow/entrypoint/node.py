"""Run one node with TFX, with its input and output adapted to the launcher."""

import argparse
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import yaml
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver
from tfx.utils import import_utils

from components.catalogue_index.component import CatalogueIndexArtifact
from components.example_gen.component import QuarantineArtifact
from components.example_gen.storage import tfx_filesystem
from components.report_artifacts import (
    ModelCardArtifact,
    ReportPageArtifact,
    RunMetricsArtifact,
)
from components.tower_converter.component import PortableTowersArtifact
from kubeflow.compiler.run_parameters import EXAMPLE_GEN, apply
from kubeflow.entrypoint.adapter import adapted, addresses, to_store, with_addresses
from kubeflow.entrypoint.arguments import Arguments
from pipeline.beam.arguments import LOCAL_RUNNER, imported_by_workers
from pipeline.beam.local_workers import local_workers
from pipeline.code_digest import node_digest
from schema.errors import InputError
from schema.progress import LOGGER
from schema.text.secrets import expand

# TFX finds the classes of its own artifact types by name; it needs the paths of ours.
TYPES = (CatalogueIndexArtifact, PortableTowersArtifact, QuarantineArtifact)
FILES = (ReportPageArtifact, ModelCardArtifact, RunMetricsArtifact)  # each one file
for artifact_type in (*TYPES, *FILES):
    path = f"{artifact_type.__module__}.{artifact_type.__qualname__}"
    compiler_utils.TITLE_TO_CLASS_PATH[artifact_type.TYPE_NAME] = path


def run(arguments: Arguments) -> None:
    """Run a node and write its ExecutorOutput where the executor input names.

    Raises:
        InputError: the image holds other code than the spec was compiled from, or a run
            parameter is impossible.
    """
    check_code(arguments)
    LOGGER.setLevel(logging.INFO)
    local = reads_copies(arguments)
    executor_input = adapted(arguments.executor_input, arguments.inputs_spec, local)
    parameters = dict(executor_input["inputs"].get("parameterValues", {}))
    apply(arguments.node, parameters)
    executor_input["inputs"]["parameterValues"] = parameters
    if local:
        for folder in addresses(folders(executor_input["outputs"]["artifacts"])):
            Path(folder).mkdir(parents=True, exist_ok=True)  # the launcher makes only its parent
    output = executor_input["outputs"]["outputFile"]
    if arguments.node == EXAMPLE_GEN and (
        arguments.driver_only or arguments.platform == "kubeflow"
    ):
        _ask_driver(executor_input, arguments)
        keep_what_the_driver_knows(executor_input, _read(output))
    if not arguments.driver_only:
        beam = [expand(argument) for argument in arguments.beam]
        with (
            tempfile.TemporaryDirectory() as folder,
            local_workers(Path(folder), imported_by_workers(beam)),
        ):
            kubeflow_v2_run_executor.main((_for_tfx(executor_input, arguments), beam))
    if local:
        answered = with_addresses(_read(output), to_store)
        with fileio.open(output, "w") as file:
            file.write(json.dumps(answered))


def folders(outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs that are folders; the others are one file each, which their node makes."""
    files = {artifact_type.TYPE_NAME for artifact_type in FILES}
    return {
        key: {"artifacts": [each for each in listed["artifacts"] if _title(each) not in files]}
        for key, listed in outputs.items()
    }


def _title(artifact: dict[str, Any]) -> str | None:
    """Return the name of an artifact's type."""
    given = artifact.get("type", {})
    schema = yaml.safe_load(given.get("instanceSchema") or "") or {}
    return schema.get("title") or given.get("schemaTitle")


def check_code(arguments: Arguments) -> None:
    """Raise an InputError if the image holds other code than the cache key in the spec names."""
    held = node_digest(arguments.node)
    if held != arguments.code_version:
        raise InputError(
            f"the image holds other code ({held}) than the spec was compiled from "
            f"({arguments.code_version}); build the image and compile from the same commit"
        )


def reads_copies(arguments: Arguments) -> bool:
    """Return whether a node reads files in its pod rather than addresses in the object store.

    Open-source Kubeflow's launcher copies them, and Vertex mounts every bucket below /gcs. Workers
    of a Beam cluster have neither, so a stage that runs there is left the addresses.
    """
    if f"--runner={LOCAL_RUNNER}" in arguments.beam or arguments.executor_class_path is None:
        return True
    executor = import_utils.import_class_by_path(arguments.executor_class_path)
    return not issubclass(executor, BaseBeamExecutor)


def _ask_driver(executor_input: dict[str, Any], arguments: Arguments) -> None:
    tfx_filesystem.register()  # the data may be where TensorFlow cannot look
    parameters = executor_input["inputs"]["parameterValues"]
    folder = parameters["input_base"]
    expanded = {"parameterValues": {**parameters, "input_base": expand(folder)}}
    given = {**executor_input, "inputs": {**executor_input["inputs"], **expanded}}
    try:
        driver.main(_for_tfx(given, arguments))
    except ValueError as error:  # TFX raises it where there are no such files
        raise InputError(f"{folder}: {error}") from error


def keep_what_the_driver_knows(executor_input: dict[str, Any], answered: dict[str, Any]) -> None:
    """Copy span and fingerprint from the driver's output to the examples to be written.

    On Vertex the platform does so between two containers; here there is one container.

    Args:
        executor_input: changed in place.
        answered: the driver's ExecutorOutput.
    """
    for key, produced in answered["artifacts"].items():
        [examples] = executor_input["outputs"]["artifacts"][key]["artifacts"]
        [with_span] = produced["artifacts"]
        examples["metadata"] = {**examples.get("metadata", {}), **with_span["metadata"]}


def _read(output: str) -> dict[str, Any]:
    with fileio.open(output) as file:  # Vertex has it in the object store
        return json.loads(file.read())


def _for_tfx(executor_input: dict[str, Any], arguments: Arguments) -> argparse.Namespace:
    return argparse.Namespace(
        executor_class_path=arguments.executor_class_path,
        json_serialized_invocation_args=json.dumps(executor_input),
        json_serialized_inputs_spec_args=json.dumps(arguments.inputs_spec),
    )
