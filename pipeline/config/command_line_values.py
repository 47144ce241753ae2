"""Replace values of a config by those of a command line: `training.epochs=3 loss.margin=0.3`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schema.errors import InputError
from schema.text import assignments, yaml_text
from schema.text.messages import excerpt, excerpt_of


def merged(values: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """Return a copy of a config's values with some of them replaced.

    A value is written as in the file, in YAML: `data.splits={train: 0.9, eval: 0.1}`. Sections
    that the file leaves out are made; whether the keys exist is checked with the whole config.

    Args:
        values: of the file, not validated.
        given: texts like 'section.key=value'.

    Raises:
        InputError: one cannot be read, a key is below a value that is not a section, or a key is
            set twice, also by way of its section.
    """
    # Not a deep copy, in which what YAML's aliases share would change in several places.
    payload: dict[str, Any] = json.loads(json.dumps(values))
    texts = assignments.parse(given)
    for name, text in texts.items():
        above = next((other for other in texts if name.startswith(f"{other}.")), None)
        if above is not None:
            raise InputError(f"{excerpt(name)} is set twice: {above} is set, too, which holds it")
        *sections, key = name.split(".")
        section = payload
        for depth, part in enumerate(sections, 1):
            if section.get(part) is None:
                section[part] = {}
            section = section[part]
            if not isinstance(section, dict):
                _refuse(name, ".".join(sections[:depth]), section)
        section[key] = _value(name, text)
    return payload


def source(path: Path, given: Sequence[str]) -> str:
    """Name a config file, and the keys that a command line sets, for the start of a message."""
    keys = ", ".join(excerpt(text.partition("=")[0]) for text in given)
    return f"{path} with {keys}" if given else str(path)


def _value(name: str, text: str) -> Any:
    documents = yaml_text.load_all(text, excerpt(name))
    if len(documents) > 1:
        raise InputError(f"{excerpt(name)}={excerpt(text)}: one value is expected")
    return documents[0] if documents else None


def _refuse(name: str, section: str, value: Any) -> None:
    if isinstance(value, list):
        raise InputError(f"{excerpt(name)}: {section} is a list; set it whole, {section}=[...]")
    raise InputError(f"{excerpt(name)}: {section} is {excerpt_of(value)}, and not a section")
