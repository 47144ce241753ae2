"""What a table's image cell holds: bytes, base64, or where the image is."""

import base64
import binascii
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from components.example_gen.records.reasons import UnusableError
from components.example_gen.storage import open_file, urls
from schema.errors import InputError

_DATA_URI = re.compile(r"data:[\w.+-]*/?[\w.+-]*(;[\w=.+-]+)*;base64,", re.IGNORECASE)
# A shorter text is a name. The smallest images there are have some 35 bytes.
_SHORTEST_BASE64 = 44
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM")


@dataclasses.dataclass(frozen=True)
class Picture:
    """The image's bytes, or else the address of its file; `name` is where the bytes once were."""

    body: bytes | None
    address: str | None = None
    name: str | None = None


def image_of(value: Any, file: str) -> Picture:
    """The image's bytes, or else the address of its file.

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
        raise UnusableError("bad_metadata", "the image is no bytes, path or base64")
    if prefix := _DATA_URI.match(value):
        return Picture(_decoded(value[prefix.end() :]))
    if (inline := _base64_of_an_image(value)) is not None:
        return Picture(inline)
    return Picture(None, _address(value, file))


def _address(path: str, file: str) -> str:
    try:
        path.encode()
        address = open_file.join(urls.parent(file), path)
    except (UnicodeEncodeError, InputError) as error:
        raise UnusableError("bad_metadata", "the image's path is no address") from error
    if "\0" in path:
        raise UnusableError("bad_metadata", "the image's path is no address")
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
