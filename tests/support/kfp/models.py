"""JSON checked against kfp-server-api's models, more strictly than the real server checks it."""

import datetime
from typing import Any

import kfp_server_api

_PLAIN = {"str": str, "bool": bool, "int": int, "object": dict}
_INT64 = {"max_concurrency", "interval_second"}  # protobuf reads them as text and as numbers


def faults(value: Any, kind: str, where: str = "body") -> list[str]:
    """Everything in a value that its model does not have.

    Args:
        value: as JSON has it.
        kind: as in `openapi_types`: 'str', 'list[V2beta1Run]', 'dict(str, object)', ...
        where: of the value, for the sentences.
    """
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        inner = kind[len("list[") : -1]
        return [f for i, each in enumerate(value) for f in faults(each, inner, f"{where}[{i}]")]
    if kind.startswith("dict("):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        inner = kind[len("dict(str, ") : -1]
        if inner == "object":  # parameters: any JSON
            return []
        return [f for key, each in value.items() for f in faults(each, inner, f"{where}.{key}")]
    if kind == "datetime":
        try:
            datetime.datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return [f"{where} is no time"]
        return []
    if kind in _PLAIN:
        same = type(value) is _PLAIN[kind]
        return [] if same else [f"{where} is {type(value).__name__}, not {kind}"]
    return _model_faults(value, getattr(kfp_server_api, kind), where)


def _model_faults(value: Any, model: Any, where: str) -> list[str]:
    if hasattr(model, "allowable_values"):
        return [] if value in model.allowable_values else [f"{where} = {value!r} is not known"]
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    kinds = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    found = [f"{where}.{key} is unknown" for key in value if key not in kinds]
    for key, each in value.items():
        if key in kinds and not (key in _INT64 and type(each) is int):
            found += faults(each, kinds[key], f"{where}.{key}")
    return found
