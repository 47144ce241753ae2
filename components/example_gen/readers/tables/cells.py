"""Convert one row of any table to a Row."""

import base64
import binascii
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from components.example_gen.readers.parsing.metadata import (
    attributes_of,
    captions_of,
    key_of,
    labels_of,
)
from components.example_gen.readers.tables.columns import Columns
from components.example_gen.rows import (
    FIRST_BYTES,
    Place,
    Rejected,
    Row,
    UnusableError,
    as_unusable,
)
from components.example_gen.storage import urls
from components.example_gen.storage.urls import folded, normal, shown
from schema.errors import InputError

_DATA_URI = re.compile(r"data:[\w.+-]*/?[\w.+-]*(;[\w=.+-]+)*;base64,", re.IGNORECASE)
# A shorter text is a name: the smallest images have about 35 bytes.
_SHORTEST_BASE64 = 44
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM")


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image's bytes, or else the address of its file; `name` is where the bytes came from."""

    body: bytes | None
    address: str | None = None
    name: str | None = None


def image_of(value: Any, file: str) -> Picture:
    """Return the image's bytes, or else the address of its file.

    Args:
        value: bytes; a path, from the folder of `file` on or absolute; a URL; base64 of an image,
            with or without `data:image/...;base64,`; Hugging Face's object {bytes, path}; or a
            list of one of these.
        file: the address of the table.

    Raises:
        UnusableError: there is none or more than one, or it is something else.
    """
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise UnusableError("several_images")
        value = value[0] if value else None
    if isinstance(value, Mapping):
        inside, path = value.get("bytes"), value.get("path")
        if isinstance(inside, str):
            inside = _decoded(inside)
        if isinstance(inside, bytes):
            return Picture(inside, name=path if isinstance(path, str) and path else None)
        value = path if inside is None else inside
    if value is None or value == "":
        raise UnusableError("no_image")
    if isinstance(value, bytes):
        return Picture(value)
    if not isinstance(value, str) or value.startswith("{"):
        raise UnusableError("bad_metadata", "the image is neither bytes, a path nor base64")
    if prefix := _DATA_URI.match(value):
        return Picture(_decoded(value[prefix.end() :]))
    if (inline := _base64_of_an_image(value)) is not None:
        return Picture(inline)
    return Picture(None, _address(value, file))


def _address(path: str, file: str) -> str:
    try:
        path.encode()
        address = urls.join(urls.parent(file), path)
    except (UnicodeEncodeError, InputError) as error:
        raise UnusableError("bad_metadata", "the image's path is not an address") from error
    if "\0" in path:
        raise UnusableError("bad_metadata", "the image's path is not an address")
    return address


def _base64_of_an_image(text: str) -> bytes | None:
    if len(text) < _SHORTEST_BASE64 or "." in text:
        return None
    try:
        head = base64.b64decode(text[:16], validate=True)
        return _decoded(text) if head.startswith(_MAGIC) else None
    except (binascii.Error, ValueError, UnusableError):
        return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise UnusableError("bad_metadata", "the image's base64 is damaged") from error


def to_row(cells: Mapping[str, Any], columns: Columns, place: Place, file: str) -> Row | Rejected:
    """Convert the cells of a row to a Row, or to a rejection.

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
    """Return the image's path below the root, or its whole address: how a person knows it."""
    name = picture.name
    if picture.address is not None:
        name, folder = picture.address, f"{normal(urls.plain(root)).rstrip('/')}/"
        if normal(name).startswith(folder):
            name = normal(name).removeprefix(folder)
    return None if name is None else folded(shown(name))


def _beginning(cells: Mapping[str, Any], columns: Columns) -> bytes:
    """Return the beginning of the image cell, by which a person can recognise the row."""
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
    """Encode a text, whatever characters it has."""
    return text.encode("utf-8", "backslashreplace")
