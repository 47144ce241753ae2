"""Read JSON Lines: one JSON object a line, `.jsonl` or `.ndjson`, plain or compressed.

Blank lines are skipped. Which field is which is decided by the fields of the first objects.
"""

import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO

from components.example_gen.readers.parsing.encoding import as_utf8
from components.example_gen.readers.parsing.json_stream import first_object
from components.example_gen.readers.parsing.limits import beginning, longest_line
from components.example_gen.readers.parsing.metadata import parse_object
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tables.cells import to_row
from components.example_gen.readers.tables.columns import find_columns
from components.example_gen.rows import FIRST_BYTES, Place, Rejected, Row, UnusableError
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema.errors import InputError

_CHUNK = 1 << 16  # bytes of a line skipped at once
_BOM = b"\xef\xbb\xbf"


def read(file: str, _part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield a row or a rejection for each line that is not blank.

    Raises:
        InputError: the file holds no line, its columns are not known, or it is damaged.
    """
    try:
        with open_plain(file) as opened:
            plain = as_utf8(opened, shown(file))
            first, rest = beginning(_lines(plain, shown(file), longest_line(options)))
            if not first:
                raise InputError(f"{shown(file)}: holds no record")
            there = dict.fromkeys(
                name for _, parsed in first if isinstance(parsed, dict) for name in parsed
            )
            columns = find_columns(file, there, options)
            for place, parsed in itertools.chain(first, rest):
                yield (
                    parsed if isinstance(parsed, Rejected) else to_row(parsed, columns, place, file)
                )
    except DamagedError as error:
        raise InputError(f"{shown(file)}: its compressed bytes are damaged or cut off") from error


def _lines(
    file: BinaryIO, source: str, longest: int
) -> Iterator[tuple[int, tuple[Place, dict[str, Any] | Rejected]]]:
    """Yield the length of each line, its place and what it holds."""
    for number in itertools.count(1):
        line = file.readline(longest + 1)
        if not line:
            return
        place, first, length = Place(source, number), line[:FIRST_BYTES], len(line)
        if length > longest:
            while line and not line.endswith(b"\n"):
                line = file.readline(_CHUNK)
            detail = f"the line has more than {longest} bytes"
            yield 0, (place, Rejected(place, "bad_metadata", detail, first_bytes=first))
            continue
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            try:
                parsed: dict[str, Any] | Rejected = parse_object(line, "the line")
            except UnusableError as error:
                parsed = Rejected(place, error.reason, error.detail, first_bytes=first)
            line = b""  # it may be long, and was copied
            yield length, (place, parsed)


def _begins(beginning: bytes) -> bool:
    return first_object(beginning) is not None


READER = READERS.add(
    "jsonl",
    Reader(
        "JSON Lines (.jsonl, .ndjson)",
        read,
        suffixes=("jsonl", "ndjson", "jsonlines"),
        shared_suffixes=("json",),
        begins=_begins,
    ),
)
