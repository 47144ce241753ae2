"""Which keys a section of a config has, and which one somebody meant. Free of TensorFlow."""

import difflib
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel

Model = type[BaseModel]
Path = tuple[str | int, ...]


def nearest(model: Model, path: Path) -> str | None:
    """The key that was meant by an unknown one, with the sections that it is in.

    Args:
        model: of the whole config.
        path: as pydantic gives it: keys, places in lists, and the kinds that were chosen.
    """
    *above, key = path
    there = _reached(model, above)
    close = difflib.get_close_matches(str(key), _keys(there), 1)
    if close:
        kinds = {tag for one in _all(model) for tag in _tags(one)}
        return ".".join([*(str(part) for part in above if part not in kinds), close[0]])
    elsewhere = [found for found in _paths(model) if found[-1] == key]
    return ".".join(min(elsewhere, key=lambda each: len(tuple(each)))) if elsewhere else None


def _reached(model: Model, path: Sequence[str | int]) -> list[Model]:
    """The sections that a path leads to; several where a kind is still to be chosen."""
    found = [model]
    for part in path:
        name = str(part)
        fields = [one.model_fields[name] for one in found if name in one.model_fields]
        chosen = [one for one in found if name in list(_tags(one))]
        if fields:
            found = [inner for field in fields for inner in _models(field.annotation)]
        elif chosen:
            found = chosen
    return found


def _keys(models: Sequence[Model]) -> list[str]:
    return sorted({name for one in models for name in one.model_fields})


def _paths(model: Model, seen: tuple[Model, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key with those of the sections that it is in."""
    for name, field in model.model_fields.items():
        yield (name,)
        for inner in _models(field.annotation):
            if inner not in seen:
                for path in _paths(inner, (*seen, model)):
                    yield (name, *path)


def _all(model: Model) -> set[Model]:
    found, new = set(), {model}
    while new:
        found |= new
        fields = [field for one in new for field in one.model_fields.values()]
        new = {inner for field in fields for inner in _models(field.annotation)} - found
    return found


def _models(annotation: Any) -> Iterator[Model]:
    """The sections in a type: of a list, of a dict, of an alternative."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def _tags(model: Model) -> Iterator[str]:
    """What a section calls its own kind."""
    for field in model.model_fields.values():
        if typing.get_origin(field.annotation) is Literal:
            yield from (each for each in typing.get_args(field.annotation) if isinstance(each, str))
