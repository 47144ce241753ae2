"""Run one node with TFX, with its input and output adapted to the launcher."""

import argparse
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver
from tfx.utils import import_utils

from components.catalogue_index.component import CatalogueIndexArtifact
from components.example_gen.component import QuarantineArtifact
from components.example_gen.storage import tfx_filesystem
from kubeflow.compiler.run_parameters import EXAMPLE_GEN, settle
from kubeflow.entrypoint.adapter import adapted, addresses, to_store, with_addresses
from kubeflow.entrypoint.arguments import Arguments
from pipeline.beam.arguments import LOCAL_RUNNER, imported_by_workers
from pipeline.beam.local_workers import local_workers
from pipeline.code_digest import node_digest
from schema.errors import InputError
from schema.progress import LOGGER
from schema.text.secrets import expand

# TFX reads a type of its own from its name; of ours it must be told where the class is.
for ours in (CatalogueIndexArtifact, QuarantineArtifact):
    where = f"{ours.__module__}.{ours.__qualname__}"
    compiler_utils.TITLE_TO_CLASS_PATH[ours.TYPE_NAME] = where


def run(told: Arguments) -> None:
    """Run a node and leave its ExecutorOutput where the executor input says.

    Raises:
        InputError: the image holds other code than the spec was compiled from, or a run
            parameter is impossible.
    """
    check_code(told)
    LOGGER.setLevel(logging.INFO)
    local = reads_copies(told)
    executor_input = adapted(told.executor_input, told.inputs_spec, local)
    parameters = dict(executor_input["inputs"].get("parameterValues", {}))
    settle(told.node, parameters)
    executor_input["inputs"]["parameterValues"] = parameters
    if local:
        for folder in addresses(executor_input["outputs"]["artifacts"]):
            Path(folder).mkdir(parents=True, exist_ok=True)  # the launcher makes only its parent
    output = executor_input["outputs"]["outputFile"]
    if told.node == EXAMPLE_GEN and (told.driver_only or told.platform == "kubeflow"):
        _ask_driver(executor_input, told)
        keep_what_the_driver_knows(executor_input, _read(output))
    if not told.driver_only:
        beam = [expand(argument) for argument in told.beam]
        with (
            tempfile.TemporaryDirectory() as folder,
            local_workers(Path(folder), imported_by_workers(beam)),
        ):
            kubeflow_v2_run_executor.main((_for_tfx(executor_input, told), beam))
    if local:
        answered = with_addresses(_read(output), to_store)
        with fileio.open(output, "w") as file:
            file.write(json.dumps(answered))


def check_code(told: Arguments) -> None:
    """Refuse an image of other code than the spec's: its cache key would tell a lie."""
    there = node_digest(told.node)
    if there != told.code_version:
        raise InputError(
            f"the image holds other code ({there}) than the spec was compiled from "
            f"({told.code_version}); build the image and compile from the same commit"
        )


def reads_copies(told: Arguments) -> bool:
    """Whether a node works on the files in its pod rather than on addresses in the object store.

    Open-source Kubeflow's launcher copies them, and Vertex mounts every bucket below /gcs. Workers
    of a Beam cluster have neither, so a stage that runs there is left the addresses.
    """
    if f"--runner={LOCAL_RUNNER}" in told.beam or told.executor_class_path is None:
        return True
    executor = import_utils.import_class_by_path(told.executor_class_path)
    return not issubclass(executor, BaseBeamExecutor)


def _ask_driver(executor_input: dict[str, Any], told: Arguments) -> None:
    tfx_filesystem.register()  # the data may be where TensorFlow cannot look
    parameters = executor_input["inputs"]["parameterValues"]
    folder = parameters["input_base"]
    expanded = {"parameterValues": {**parameters, "input_base": expand(folder)}}
    given = {**executor_input, "inputs": {**executor_input["inputs"], **expanded}}
    try:
        driver.main(_for_tfx(given, told))
    except ValueError as error:  # TFX's only way to say that there are no such files
        raise InputError(f"{folder}: {error}") from error


def keep_what_the_driver_knows(executor_input: dict[str, Any], answered: dict[str, Any]) -> None:
    """Put span and fingerprint on the examples to be written.

    On Vertex the platform does so between two containers; here it is one container.

    Args:
        executor_input: changed in place.
        answered: the driver's ExecutorOutput.
    """
    for key, told in answered["artifacts"].items():
        [examples] = executor_input["outputs"]["artifacts"][key]["artifacts"]
        [with_span] = told["artifacts"]
        examples["metadata"] = {**examples.get("metadata", {}), **with_span["metadata"]}


def _read(output: str) -> dict[str, Any]:
    with fileio.open(output) as file:  # Vertex has it in the object store
        return json.loads(file.read())


def _for_tfx(executor_input: dict[str, Any], told: Arguments) -> argparse.Namespace:
    return argparse.Namespace(
        executor_class_path=told.executor_class_path,
        json_serialized_invocation_args=json.dumps(executor_input),
        json_serialized_inputs_spec_args=json.dumps(told.inputs_spec),
    )
