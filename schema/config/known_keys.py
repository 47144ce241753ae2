"""Which keys a section of a config has, and which one somebody meant. Free of TensorFlow."""

import difflib
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schema.config.registered import Registered
from schema.text.excerpt import excerpt

Model = type[BaseModel]
Path = Sequence[str | int]
_SCALARS = ("str", "float", "int", "bool")  # alternatives of one key, which pydantic names too


def keys_of(model: Model, path: Path) -> list[str]:
    """The part of a path that stands in a file: pydantic puts the kinds that were chosen into it.

    Args:
        model: of the whole config.
        path: as pydantic gives it: keys, places in lists, kinds.
    """
    kinds = {tag for one in _all(model) for tag in _tags(one)}.union(_SCALARS)
    return [str(part) for part in path if part not in kinds]


def nearest(model: Model, path: Path) -> str | None:
    """The key that was meant by an unknown one, with the sections that it is in.

    Args:
        model: of the whole config.
        path: as of `keys_of`.
    """
    *above, key = path
    key = excerpt(str(key))
    there = _reached(model, above)
    close = difflib.get_close_matches(key, _keys(there), 1)
    if close:
        return ".".join([*keys_of(model, above), close[0]])
    here = tuple(keys_of(model, path))  # another kind may have it
    elsewhere = [found for found in _paths(model) if found[-1] == key and found != here]
    return ".".join(min(elsewhere, key=lambda each: len(tuple(each)))) if elsewhere else None


def _reached(model: Model, path: Sequence[str | int]) -> list[Model]:
    """The sections that a path leads to; several where a kind is still to be chosen."""
    found = [model]
    for part in path:
        name = str(part)
        fields = [one.model_fields[name] for one in found if name in one.model_fields]
        chosen = [one for one in found if name in list(_tags(one))]
        if fields:
            found = [inner for field in fields for inner in _sections(field)]
        elif chosen:
            found = chosen
    return found


def _keys(models: Sequence[Model]) -> list[str]:
    return sorted({name for one in models for name in one.model_fields})


def _paths(model: Model, seen: tuple[Model, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key with those of the sections that it is in."""
    for name, field in model.model_fields.items():
        yield (name,)
        for inner in _sections(field):
            if inner not in seen:
                for path in _paths(inner, (*seen, model)):
                    yield (name, *path)


def _all(model: Model) -> set[Model]:
    found, new = set(), {model}
    while new:
        found |= new
        fields = [field for one in new for field in one.model_fields.values()]
        new = {inner for field in fields for inner in _sections(field)} - found
    return found


def _sections(field: FieldInfo) -> Iterator[Model]:
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
