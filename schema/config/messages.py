"""Messages about a config that pydantic refuses: they name the key as it stands in the file."""

import difflib
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from schema.config.registered import Registered
from schema.text.messages import SENTENCE, excerpt, excerpt_of, number_of

MOST = 5
"""Mistakes that are described; of further ones only the number is given."""

Model = type[BaseModel]
Path = Sequence[str | int]
_SCALARS = ("str", "float", "int", "bool")  # alternatives of one key, which pydantic names too


def describe_errors(error: ValidationError, model: Model) -> list[str]:
    """Describe what is wrong with a config, in a sentence for each key.

    Args:
        error: of the validation.
        model: of the whole config.
    """
    errors = error.errors(include_url=False)
    # A list is also called too short when one of its items was refused.
    shown = [entry for entry in errors if entry["type"] != "too_short"] or errors
    lines = (_describe(entry, model).replace("\n", "\\n") for entry in shown[:MOST])
    sentences = [excerpt(line, SENTENCE) for line in lines]
    more = len(shown) - MOST
    return [*sentences, f"and {number_of(more, 'more mistake')}"] if more > 0 else sentences


def _describe(error: Any, model: Model) -> str:
    key = ".".join(map(excerpt, _keys_in_file(model, error["loc"])))
    message, context = error["msg"].removeprefix("Value error, "), error.get("ctx", {})
    tag = context.get("discriminator", "").strip("'")
    match error["type"]:
        case "extra_forbidden":
            nearest = _nearest_key(model, error["loc"])
            hint = f"; the nearest is {nearest}" if nearest else ""
            return f"{key} is not a key of the config{hint}"
        case "missing":
            return f"{key} is missing"
        case "union_tag_not_found":
            return f"{key}.{tag} is missing"
        case "union_tag_invalid":
            choices = context["expected_tags"]
            return f"{key}.{tag} = {excerpt_of(context['tag'])} is none of {choices}"
        case "value_error":
            return f"{key}: {message}" if key else message
    return f"{key} = {excerpt_of(error['input'])}: {message[0].lower()}{message[1:]}"


def _keys_in_file(model: Model, path: Path) -> list[str]:
    """The part of a path that stands in a file: pydantic puts the chosen kinds into it, too.

    Args:
        model: of the whole config.
        path: as pydantic gives it: keys, places in lists, kinds.
    """
    kinds = {tag for section in _all_sections(model) for tag in _tags(section)}.union(_SCALARS)
    return [str(part) for part in path if part not in kinds]


def _nearest_key(model: Model, path: Path) -> str | None:
    """The key that an unknown one is most like, with the sections that it is in."""
    *above, last = path
    key = excerpt(str(last))
    there = _sections_at(model, above)
    names = sorted({name for section in there for name in section.model_fields})
    if close := difflib.get_close_matches(key, names, 1):
        return ".".join([*_keys_in_file(model, above), close[0]])
    here = tuple(_keys_in_file(model, path))  # another kind may have it
    elsewhere = [other for other in _paths(model) if other[-1] == key and other != here]
    shortest = min(elsewhere, key=lambda keys: len(keys), default=None)  # noqa: PLW0108  for mypy
    return None if shortest is None else ".".join(shortest)


def _sections_at(model: Model, path: Path) -> list[Model]:
    """The sections that a path leads to; several where a kind is still to be chosen."""
    sections = [model]
    for part in path:
        name = str(part)
        fields = [
            section.model_fields[name] for section in sections if name in section.model_fields
        ]
        chosen = [section for section in sections if name in list(_tags(section))]
        if fields:
            sections = [inner for field in fields for inner in _sections_of(field)]
        elif chosen:
            sections = chosen
    return sections


def _paths(model: Model, seen: tuple[Model, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key with those of the sections that it is in."""
    for name, field in model.model_fields.items():
        yield (name,)
        for inner in _sections_of(field):
            if inner not in seen:
                for path in _paths(inner, (*seen, model)):
                    yield (name, *path)


def _all_sections(model: Model) -> set[Model]:
    sections, new = set(), {model}
    while new:
        sections |= new
        fields = [field for section in new for field in section.model_fields.values()]
        new = {inner for field in fields for inner in _sections_of(field)} - sections
    return sections


def _sections_of(field: FieldInfo) -> Iterator[Model]:
    """The sections that a key may hold."""
    for extra in field.metadata:
        if isinstance(extra, Registered):
            yield from extra.sections
    yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[Model]:
    """The sections in a type: of a list, of a dict, of an alternative."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def _tags(model: Model) -> Iterator[str]:
    """What a section calls its own kind: the one value that a key of it may have."""
    for field in model.model_fields.values():
        values = typing.get_args(field.annotation)
        if typing.get_origin(field.annotation) is Literal and len(values) == 1:
            yield str(values[0])
