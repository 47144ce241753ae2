"""The arguments of a pod's command: ours, TFX's, and what is left for Beam."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from typing import Any, NoReturn

from kubeflow.compiler.platforms import Platform
from schema.errors import InputError


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The parsed command line of a pod."""

    platform: Platform
    node: str  # its id
    code_version: str  # of the code that the spec was compiled from
    driver_only: bool  # Vertex runs ingest's driver before it looks into its cache
    executor_class_path: str | None
    executor_input: dict[str, Any]  # KFP's ExecutorInput, as JSON
    inputs_spec: dict[str, Any]  # KFP's ComponentInputsSpec, as JSON
    beam: tuple[str, ...]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"the command of the pod was not written by Diptych: {message}")


def parse(arguments: Sequence[str]) -> Arguments:
    """Read a pod's command line.

    Raises:
        InputError: it is not what `diptych kubeflow compile` writes.
    """
    parser = _Parser(prog="kubeflow.entrypoint", allow_abbrev=False)
    parser.add_argument("--platform", choices=("kubeflow", "vertex"), required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("--code_version", required=True)
    parser.add_argument("--driver_only", action="store_true")
    parser.add_argument("--executor_class_path")
    parser.add_argument("--json_serialized_invocation_args", type=_json, required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", type=_json, required=True)
    known, beam = parser.parse_known_args(arguments)
    return Arguments(
        platform=known.platform,
        node=known.node,
        code_version=known.code_version,
        driver_only=known.driver_only,
        executor_class_path=known.executor_class_path,
        executor_input=known.json_serialized_invocation_args,
        inputs_spec=known.json_serialized_inputs_spec_args,
        beam=tuple(beam),
    )


def _json(text: str) -> Any:
    if text == "{{$}}":
        raise argparse.ArgumentTypeError("the executor input was not filled in; is this KFP v2?")
    return json.loads(text)
