"""Read what an address names: a path of this machine, or any URL fsspec opens.

Credentials and endpoints are those of the store's own library. What a store refuses comes as one
InputError that names the address.
"""

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from components.example_gen import addresses
from components.example_gen.addresses import join, name, parent, shown
from components.example_gen.listing import exists, glob, is_folder, store, walk
from components.example_gen.spellings import other_spellings
from components.example_gen.stamps import stamp, stamps
from components.example_gen.storage_errors import NotThereError, told

__all__ = [
    "exists",
    "exists_in_any_spelling",
    "glob",
    "is_folder",
    "join",
    "name",
    "open_binary",
    "parent",
    "read_any_spelling",
    "read_bytes",
    "shown",
    "stamp",
    "stamps",
    "walk",
]
BUFFER = 1 << 20  # bytes handed on at once
BLOCK = 1 << 23  # bytes asked of a remote file at once; that many are kept in memory


@contextlib.contextmanager
def open_binary(address: str) -> Iterator[BinaryIO]:
    """Open a file to read; it can be peeked into, and seeks where its store can.

    What goes wrong with the store while the file is open comes as an InputError too.
    """
    address = addresses.plain(address)
    with told(address), contextlib.ExitStack() as stack:
        if addresses.is_local(address):
            yield stack.enter_context(open(address, "rb"))
            return
        fs, path = store(address)
        raw = stack.enter_context(fs.open(path, "rb", block_size=BLOCK))
        yield cast(BinaryIO, stack.enter_context(io.BufferedReader(raw, BUFFER)))


def read_bytes(address: str, limit: int) -> bytes:
    """The bytes of a file; of a longer one the first `limit` + 1."""
    # A web server may send all of a file where a part of it is asked for; a stream can be left.
    if addresses.is_local(address) or addresses.is_web(address):
        with open_binary(address) as file:
            return file.read(limit + 1)
    address = addresses.plain(address)
    fs, path = store(address)
    with told(address):
        try:
            return bytes(fs.cat_file(path, start=0, end=limit + 1))
        except OSError:
            if fs.info(path)["size"]:
                raise
            return b""  # a part of nothing is out of range


def read_any_spelling(address: str, limit: int) -> bytes:
    """`read_bytes` of a file that a table names: also if its name is spelled otherwise there."""
    try:
        return read_bytes(address, limit)
    except NotThereError:
        for spelled in other_spellings(address):
            with contextlib.suppress(NotThereError):
                return read_bytes(spelled, limit)
        raise


def exists_in_any_spelling(address: str) -> bool:
    """Whether there is a file or a folder at an address, or at another spelling of it."""
    return exists(address) or any(map(exists, other_spellings(address)))
