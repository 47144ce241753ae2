"""Read files of users: regular files of a bounded size, text in UTF-8, objects of JSON."""

import os
import stat
from pathlib import Path
from typing import Any

from schema.errors import InputError
from schema.text import json_text
from schema.text.messages import excerpt

LARGEST_OBJECT = 1 << 20  # bytes of a config in JSON
LONGEST_PATH = 300  # characters of a path in a sentence
_KINDS = (
    (stat.S_ISDIR, "Is a directory"),
    (stat.S_ISFIFO, "Is a named pipe"),
    (stat.S_ISSOCK, "Is a socket"),
    (stat.S_ISCHR, "Is a device"),
    (stat.S_ISBLK, "Is a device"),
)


def read_bytes(path: str | Path, limit: int) -> bytes:
    """Read a regular file, without waiting for a writer.

    Args:
        path: of a regular file; a link to one will do.
        limit: of its size, bytes.

    Raises:
        InputError: it cannot be read, is another kind of file, or is larger; names the path.
    """
    name = shown(path)
    try:
        # A pipe that nobody writes to would keep an ordinary open waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                what = next((words for is_kind, words in _KINDS if is_kind(mode)), "Is special")
                raise InputError(f"{name}: {what}, and a regular file is expected")
            content = file.read(limit + 1)
            if content is None:  # of /proc/kmsg, which would have an ordinary reader wait
                raise InputError(f"{name}: holds nothing now, and is not waited for")
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error
    except ValueError as error:  # a path with the character \0 in it
        raise InputError(f"{name!r} cannot be the path of a file: {error}") from error
    if len(content) > limit:
        raise InputError(f"{name}: is larger than {limit:,} bytes, the most that is read of it")
    return content


def read_text(path: str | Path, limit: int) -> str:
    """Read a file of UTF-8, with or without a byte order mark.

    Raises:
        InputError: as `read_bytes`, or its bytes are another encoding; names the path and the line.
    """
    content = read_bytes(path, limit)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        name = shown(path)
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{name}: is UTF-16; save it as UTF-8") from error
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise InputError(
            f"{name}: line {line} is not UTF-8 (byte 0x{byte:02X}); save it as UTF-8"
        ) from error


def read_object(path: str | Path, limit: int = LARGEST_OBJECT) -> dict[str, Any]:
    """Read a file of JSON that holds one object, such as a config.

    Raises:
        InputError: as `read_text`, or it is not JSON, or not an object; names the path.
    """
    try:
        values = json_text.parse(read_text(path, limit))
    except ValueError as error:
        raise InputError(f"{shown(path)}: is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{shown(path)}: is not an object of JSON")
    return values


def shown(path: str | Path) -> str:
    """Return a path for a sentence, shortened where it is very long."""
    return excerpt(str(path), LONGEST_PATH)
