"""Define the run parameters: config values that a run on Kubeflow may set without compiling.

A run parameter replaces one value of the config in every node whose config has it. The compiled
spec passes it to those nodes as an extra input, so that Kubeflow's cache sees it, and the
entrypoint writes it into the config that the node reads. A new parameter is one more entry of
`PARAMETERS`.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from components.nodes import IN_CUSTOM_CONFIG, NODES
from pipeline.config.run_config import RunConfig
from schema.config.messages import describe_errors
from schema.errors import InputError
from trainer.config.model import TrainerConfig

Value = str | int
PREFIX = "set_"  # of a node's input, so that it never meets an execution property of TFX
NEWEST = -1  # the span that means: whichever is newest when the run starts
EXAMPLE_GEN = "ImageTextExampleGen"


@dataclasses.dataclass(frozen=True)
class RunParameter:
    """A value that a run may set; `path` is its place in the config, None for ingest's own."""

    name: str
    kind: Literal["STRING", "NUMBER_INTEGER"]
    path: tuple[str, str] | None
    description: str


PARAMETERS = (
    RunParameter("data_path", "STRING", ("data", "path"), "folder of the data"),
    RunParameter(
        "span", "NUMBER_INTEGER", None, f"span of the data; {NEWEST}: the newest, if there are any"
    ),
    RunParameter("epochs", "NUMBER_INTEGER", ("training", "epochs"), "passes over the train split"),
    RunParameter("push_path", "STRING", ("push", "path"), "folder of the releases"),
    RunParameter(
        "registry_uri", "STRING", ("registry", "uri"), "MLflow; empty: a file beside the releases"
    ),
)


def default(parameter: RunParameter, config: RunConfig) -> Value:
    """Return the value of a run that does not set the parameter."""
    if parameter.path is None:
        return NEWEST
    section, key = parameter.path
    value = getattr(getattr(config, section), key)
    return "" if value is None else value


def taken_by(node: str, properties: Mapping[str, Any]) -> list[RunParameter]:
    """Return the parameters that a node's execution properties depend on.

    Args:
        node: its id.
        properties: as the compiled spec has them.
    """
    if node == EXAMPLE_GEN:
        return [p for p in PARAMETERS if p.name in ("data_path", "span")]
    held_in = NODES[node].config
    if not held_in:
        return []
    config = _read(properties, held_in)
    return [p for p in PARAMETERS if p.path and p.path[1] in (config.get(p.path[0]) or {})]


def apply(node: str, properties: dict[str, Any]) -> None:
    """Write the values of a run into the config that a node reads, and remove the extra inputs.

    Args:
        node: its id.
        properties: execution properties and run parameters as Kubeflow passes them, with
            every number a float; changed in place.

    Raises:
        InputError: a value is impossible; the sentence names the parameter.
    """
    values = {
        p: properties.pop(PREFIX + p.name) for p in PARAMETERS if PREFIX + p.name in properties
    }
    values = {p: _typed(p, value) for p, value in values.items()}
    if node == EXAMPLE_GEN:
        _apply_to_ingest(properties, {p.name: value for p, value in values.items()})
        return
    if not values:
        return
    held_in = NODES[node].config
    config = _read(properties, held_in)
    for parameter, value in values.items():
        assert parameter.path is not None  # only ingest takes one without
        section, key = parameter.path
        config[section][key] = None if value == "" else value
    if held_in == IN_CUSTOM_CONFIG:
        _check_training(config)
    _write(properties, held_in, config)


def _apply_to_ingest(properties: dict[str, Any], values: Mapping[str, Value]) -> None:
    if "data_path" in values:
        properties["input_base"] = values["data_path"]
    span = values.get("span", NEWEST)
    if span != NEWEST:
        if "{SPAN}" not in properties["input_config"]:
            raise InputError(f"span = {span}: no pattern of data.splits has a {{SPAN}} in it")
        numbers = {"start_span_number": span, "end_span_number": span}
        properties["range_config"] = json.dumps({"static_range": numbers})


def _check_training(config: Mapping[str, Any]) -> None:
    try:
        TrainerConfig.model_validate_json(json.dumps(config))
    except ValidationError as error:
        raise InputError("; ".join(describe_errors(error, TrainerConfig))) from error


def _typed(parameter: RunParameter, value: Any) -> Value:
    if parameter.kind == "STRING":
        return str(value)
    if value != int(value):
        raise InputError(f"{parameter.name} = {value} is not a whole number")
    return int(value)


def _read(properties: Mapping[str, Any], held_in: tuple[str, ...]) -> dict[str, Any]:
    value: Any = properties
    for key in held_in:
        value = json.loads(value[key]) if isinstance(value[key], str) else value[key]
    return value


def _write(properties: dict[str, Any], held_in: tuple[str, ...], config: dict[str, Any]) -> None:
    if len(held_in) == 1:
        properties[held_in[0]] = json.dumps(config)
        return
    outer = json.loads(properties[held_in[0]])
    outer[held_in[1]] = json.dumps(config)
    properties[held_in[0]] = json.dumps(outer)
