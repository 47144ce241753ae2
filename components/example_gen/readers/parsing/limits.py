"""How much is read at once: nothing larger is ever held in memory."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from components.example_gen.readers.registry import ReadOptions
from components.example_gen.rows import REASONS, Rejected
from components.example_gen.storage.urls import shown
from schema.errors import InputError

MAX_TEXT_BYTES: Final = 1 << 24  # of a sidecar; far more than any caption that is used
MAX_LINE_BYTES: Final = 1 << 26  # of a line or cell: Python holds some copies of it at once
MAX_VALUES: Final = 500_000  # lists, objects and entries of one JSON text, some 100 bytes each
MAX_CELLS: Final = 100_000  # of a row of a table of text
MAX_CAPTIONS: Final = 10_000  # of one image
MAX_REJECTED: Final = 100_000  # records of a file, of which nearly all are rejected
LOOKED_AT: Final = 32  # records at the beginning whose fields are the columns of a file
_LOOKED_AT_BYTES = 1 << 24
MOST_REJECTED: Final = 0.9  # share of the records of a file

T = TypeVar("T")


def longest_line(options: ReadOptions) -> int:
    """Return the bytes of the longest line or cell: an image in base64, and captions."""
    return min(options.max_bytes * 4 // 3 + MAX_TEXT_BYTES, MAX_LINE_BYTES)


def beginning(records: Iterator[tuple[int, T]]) -> tuple[list[T], Iterable[T]]:
    """Split records into the first ones, few enough to be held, and the rest.

    Args:
        records: each with the bytes it was read from.
    """
    first: list[T] = []
    size = 0
    for length, record in records:
        first.append(record)
        size += length
        if len(first) >= LOOKED_AT or size >= _LOOKED_AT_BYTES:
            break
    return first, (record for _, record in records)


def check_rejected(file: str, rejected: int, read: int, last: Rejected) -> None:
    """Stop where nearly nothing of a large file is a record: it may be made to fill the disk.

    Args:
        file: its address.
        rejected: how many of its records cannot be used.
        read: how many were read.
        last: one that cannot be used, for the message.

    Raises:
        InputError: names the file and that record.
    """
    if rejected >= MAX_REJECTED and rejected > MOST_REJECTED * read:
        raise InputError(
            f"{shown(file)}: {rejected:,} of its first {read:,} records cannot be used, such as "
            f"{last.place.offset:,}: {REASONS[last.reason]}"
        )
