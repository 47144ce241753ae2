"""Parse `--set name=value`, typed as the compiled pipeline has its run parameters."""

import math
from collections.abc import Iterable
from typing import Any

from kubeflow.compiler.package import Package
from schema.errors import InputError
from schema.text import assignments, json_text
from schema.text.messages import excerpt

_EXPECTED = {
    "STRING": "text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list in JSON",
    "STRUCT": "an object in JSON",
}


def settings(package: Package, given: Iterable[str]) -> dict[str, Any]:
    """Parse the run parameters that a command sets.

    Args:
        package: has the parameters and their types.
        given: texts like 'name=value'.

    Returns:
        The values by name, as JSON values.

    Raises:
        InputError: an unknown name, a wrong type, a name set twice, one that must be set and is
            not.
    """
    known = package.parameters
    values: dict[str, Any] = {}
    for name, text in assignments.parse(given, "--set ").items():
        shown = excerpt(f"{name}={text}")
        if name not in known:
            raise InputError(f"--set {shown}: {_known(package)}")
        kind = known[name]["parameterType"]
        value = _typed(kind, text)
        if value is None:
            raise InputError(f"--set {shown}: {name} must be {_EXPECTED[kind]}")
        values[name] = value
    for name, spec in known.items():
        if name not in values and "defaultValue" not in spec and not spec.get("isOptional"):
            raise InputError(f"{package.source}: {name} has no default; give --set {name}=...")
    return values


def _known(package: Package) -> str:
    if not package.parameters:
        return f"the pipeline {package.name} has no parameters"
    names = (f"{k} ({_EXPECTED[v['parameterType']]})" for k, v in package.parameters.items())
    return f"the pipeline {package.name} has {', '.join(names)}"


def _typed(kind: str, text: str) -> Any:
    """Return the value, or None if it is not of the kind."""
    if kind == "STRING":
        return text
    try:
        value = json_text.parse(text)
    except ValueError:
        return None
    if kind == "BOOLEAN":
        return value if isinstance(value, bool) else None
    if kind in ("LIST", "STRUCT"):
        return value if isinstance(value, list if kind == "LIST" else dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if kind == "NUMBER_DOUBLE" or isinstance(value, int) else None
