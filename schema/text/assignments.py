"""Split texts of a command line such as `training.epochs=3`: a name, an equals sign, a value."""

from collections.abc import Iterable, Sequence
from typing import Any

from schema.errors import InputError
from schema.text.literal_secrets import literal_secrets
from schema.text.messages import excerpt


def parse(given: Iterable[str], option: str = "") -> dict[str, str]:
    """Split texts into names and values.

    Args:
        given: texts like 'name=value'; a name may be a dotted key.
        option: what precedes each on the command line, for messages, such as '--set '.

    Returns:
        The values as they are written, by name.

    Raises:
        InputError: one has no equals sign or no name, holds a password or a token, or sets a name
            for the second time.
    """
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        shown = f"{option}{excerpt(text)}"
        if not equals or not all(name.split(".")):
            raise InputError(f"{shown}: write it as name=value")
        # Command lines are stored where everyone can read them.
        for sentence in literal_secrets(nested(name.split("."), value)):
            raise InputError(f"{option}{sentence}")
        if name in values:
            raise InputError(f"{shown}: {name} is set twice")
        values[name] = value
    return values


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a value in the mappings that its keys name: `{"a": {"b": value}}`."""
    first, *others = keys
    return {first: nested(others, value) if others else value}
