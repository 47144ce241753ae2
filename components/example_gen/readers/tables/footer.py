"""Check the columns of a Parquet file before Arrow reads them.

Arrow goes into nested columns without a limit: many would end the process, or fill its memory.
Format: https://parquet.apache.org/docs/file-format/metadata.
"""

import hashlib
import os
from typing import BinaryIO, Final

from components.example_gen.readers.tables.thrift import Fields, MalformedError, Struct
from components.example_gen.storage.urls import shown
from schema.errors import InputError

MOST_LISTED: Final = 10_000  # columns, or row groups: each takes memory
DEEPEST: Final = 100  # objects and lists in each other
_LONGEST: Final = 1 << 26  # bytes of a footer
_END: Final = 8  # bytes behind it: its length, and PAR1
_ENCRYPTED: Final = b"PARE"  # instead of PAR1
_SCHEMA, _CHILDREN = 2, 5  # fields of the footer, of a column
_checked: set[bytes] = set()  # digests of footers: a file is opened once for each row group


def check_footer(file: BinaryIO, address: str) -> None:
    """Refuse a file whose columns are too many or nested too deeply.

    Args:
        file: it seeks; it is left at its beginning.
        address: its address, for the sentence.

    Raises:
        InputError: names the file and the limit; or the footer is damaged or encrypted.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END))
    end = file.read(_END)
    if end.endswith(_ENCRYPTED):
        raise InputError(f"{shown(address)}: is encrypted, which is not read")
    length = int.from_bytes(end[:4], "little")
    if length > size:
        raise damaged(address)
    if length > _LONGEST:
        raise InputError(f"{shown(address)}: its footer has {length:,} bytes, far too many")
    file.seek(max(0, size - _END - length))
    body = file.read(length)
    file.seek(0)
    digest = hashlib.sha256(body).digest()
    if digest in _checked:
        return
    try:
        columns = Struct(body, kept_list=_SCHEMA).entries
    except (IndexError, MalformedError) as error:
        raise damaged(address) from error
    if len(columns) > MOST_LISTED:
        raise InputError(f"{shown(address)}: has more than {MOST_LISTED:,} columns")
    if _depth(columns) > DEEPEST:
        raise InputError(f"{shown(address)}: a column is nested in more than {DEEPEST} others")
    _checked.add(digest)


def damaged(address: str) -> InputError:
    """Return what is said of a Parquet file that is not whole."""
    return InputError(f"{shown(address)}: the Parquet file is damaged or cut off")


def _depth(columns: list[Fields]) -> int:
    """Return how many columns are in each other; each comes before its children."""
    left: list[int] = []  # of the children of each column around
    deepest = 0
    for column in columns:
        children = column.get(_CHILDREN, 0)
        while left and not left[-1]:
            left.pop()
        if left:
            left[-1] -= 1
        left.append(children if isinstance(children, int) else 0)
        deepest = max(deepest, len(left))
    return deepest
