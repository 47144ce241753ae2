"""One row of any table, as a dict, into a Row."""

from collections.abc import Mapping
from typing import Any

from components.example_gen.readers.metadata import (
    attributes_of,
    captions_of,
    key_of,
    labels_of,
)
from components.example_gen.readers.tables.columns import Columns
from components.example_gen.readers.tables.image_cell import Picture, image_of
from components.example_gen.records.faults import as_unusable
from components.example_gen.records.reasons import UnusableError
from components.example_gen.records.row import FIRST_BYTES, Place, Rejected, Row
from components.example_gen.storage import urls
from components.example_gen.storage.spellings import folded
from components.example_gen.storage.urls import normal, shown


def to_row(cells: Mapping[str, Any], columns: Columns, place: Place, file: str) -> Row | Rejected:
    """Turn the cells of a row into a Row, or say why not.

    Args:
        cells: by column; one that is missing counts as null.
        columns: which is which.
        place: where it stands.
        file: the table's address, which paths of images start from.
    """
    key, picture = None, Picture(None)
    try:
        key = key_of(cells.get(columns.key)) if columns.key else None
        picture = image_of(cells.get(columns.image), file)
        captions = tuple(
            caption for name in columns.captions for caption in captions_of(cells.get(name), name)
        )
        if not captions:
            raise UnusableError("no_caption")
        return Row(
            place,
            captions,
            picture.body,
            picture.address,
            key,
            labels_of(cells.get(columns.labels), columns.labels) if columns.labels else None,
            attributes_of(cells, columns.attributes),
            columns.key if key and columns.key else "",
            _name(picture, columns.root),
        )
    except Exception as error:
        fault = as_unusable(error)
        known_as = key or _name(picture, columns.root)
        beginning = _beginning(cells, columns)
        return Rejected(place, fault.reason, fault.detail, known_as, beginning, picture.address)


def _name(picture: Picture, root: str) -> str | None:
    """What a person calls the image: its path from the root on, or all of it."""
    name = picture.name
    if picture.address is not None:
        name, folder = picture.address, f"{normal(urls.plain(root)).rstrip('/')}/"
        if normal(name).startswith(folder):
            name = normal(name).removeprefix(folder)
    return None if name is None else folded(shown(name))


def _beginning(cells: Mapping[str, Any], columns: Columns) -> bytes:
    """Something to know the row by: where its image is said to be."""
    value = cells.get(columns.image)
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    text = value if isinstance(value, bytes | str) else _repr(value)
    return (text if isinstance(text, bytes) else escaped(text[:FIRST_BYTES]))[:FIRST_BYTES]


def _repr(value: Any) -> str:
    try:
        return repr(value)[:FIRST_BYTES]
    except Exception:  # of something nested too deep
        return type(value).__name__


def escaped(text: str) -> bytes:
    """A text's bytes, whatever is in it."""
    return text.encode("utf-8", "backslashreplace")
