"""Read what an address names: a path of this machine, or any URL fsspec opens.

Credentials and endpoints are those of the store's own library. What a store refuses comes as one
InputError that names the address.
"""

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, cast

from components.example_gen.storage import urls
from components.example_gen.storage.errors import NotAFileError, as_input_error
from components.example_gen.storage.listing import store
from components.example_gen.storage.urls import shown

_KINDS: Final[dict[Callable[[int], bool], str]] = {
    stat.S_ISFIFO: "named pipe",
    stat.S_ISSOCK: "socket",
    stat.S_ISCHR: "device",
    stat.S_ISBLK: "device",
}
BUFFER = 1 << 20  # bytes handed on at once
BLOCK = 1 << 23  # bytes requested of a remote file at once; that many are kept in memory


@contextlib.contextmanager
def open_binary(address: str) -> Iterator[BinaryIO]:
    """Open a file to read; it can be peeked into, and seeks where its store can.

    What goes wrong with the store while the file is open comes as an InputError too.
    """
    address = urls.plain(address)
    with as_input_error(address), contextlib.ExitStack() as stack:
        if urls.is_local(address):
            yield stack.enter_context(_open_regular(address))
            return
        fs, path = store(address)
        raw = stack.enter_context(fs.open(path, "rb", block_size=BLOCK))
        yield cast(BinaryIO, stack.enter_context(io.BufferedReader(raw, BUFFER)))


def is_link_to_folder(address: str) -> bool:
    """Return whether an address is of a link of this machine that leads to a folder."""
    return urls.is_local(address) and os.path.islink(address) and os.path.isdir(address)


def _open_regular(path: str) -> BinaryIO:
    """Open a regular file: reading a pipe or a device may never end."""
    _check_regular(path, os.stat(path).st_mode)  # even opening one can block, or move a tape
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(open(path, "rb", opener=_without_waiting))
        status = os.fstat(file.fileno())
        _check_regular(path, status.st_mode)
        if status.st_size == 0:  # files of /proc, made up when read
            return cast(BinaryIO, io.BufferedReader(cast(Any, io.BytesIO())))
        opened.pop_all()
        return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _check_regular(path: str, mode: int) -> None:
    kind = next((name for test, name in _KINDS.items() if test(mode)), None)
    if kind is not None:
        raise NotAFileError(f"{shown(path)}: is a {kind}, not a file that can be read")
