"""Read the first records of a table or of sidecars with all their columns, as they are."""

import csv
import io
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.example_gen.readers.parsing.encoding import bytes_as_utf8
from components.example_gen.readers.parsing.folder_metadata import METADATA
from components.example_gen.readers.parsing.metadata import parse_object
from components.example_gen.readers.tar.members import members
from components.example_gen.rows import UnusableError
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from diptych.first_config.layout import FOLDER, Layout
from diptych.first_config.listing import Listing
from schema.errors import InputError
from schema.text import text_files

RECORDS = 200
HEAD = 1 << 20  # bytes of a table of text
MEMBERS = 1000  # of a tar
DELIMITERS = ",\t;|"

Record = Mapping[str, Any]


def first_records(layout: Layout, listing: Listing) -> list[Record]:
    """Return some records with all columns; none where the format has no columns to choose from.

    Raises:
        InputError: the first file is damaged.
    """
    folder = Path(layout.folder)
    if layout.format == FOLDER:
        if listing.metadata:
            name = listing.metadata[0]
            return _records(METADATA[name.rpartition("/")[2]], str(folder / name))
        return list(_sidecars([folder / name for name in listing.jsons[:RECORDS]]))
    return _records(layout.format, str(folder / layout.names[0]))


def _records(format_name: str, file: str) -> list[Record]:
    readers = {"csv": _of_text, "jsonl": _of_lines, "parquet": _of_parquet, "webdataset": _of_tar}
    if format_name not in readers:
        return []
    try:
        return list(itertools.islice(readers[format_name](file), RECORDS))
    except (DamagedError, csv.Error) as error:
        raise InputError(f"{shown(file)}: is damaged or cut off") from error


def _of_text(file: str) -> Iterator[Record]:
    text = "".join(_lines(file))
    header = text.partition("\n")[0]
    usual = f"\t{DELIMITERS}" if ".tsv" in file.lower() else DELIMITERS
    delimiter = max(usual, key=header.count)
    for cells in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield {name: cell for name, cell in cells.items() if name and isinstance(cell, str)}


def _of_lines(file: str) -> Iterator[Record]:
    for line in _lines(file):
        yield from _parsed(line.encode("utf-8", "surrogateescape"))


def _of_parquet(file: str) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=RECORDS // 10):
                yield from batch.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{shown(file)}: the Parquet file is damaged or cut off") from error


def _of_tar(file: str) -> Iterator[Record]:
    for member, body in itertools.islice(members(file), MEMBERS):
        if body is not None and member.name.endswith(".json"):
            yield from _parsed(body.read(HEAD))


def _sidecars(files: list[Path]) -> Iterator[Record]:
    for file in files:
        yield from _parsed(text_files.read_bytes(file, HEAD))


def _lines(file: str) -> Iterator[str]:
    """Yield the whole lines at the beginning of a text."""
    with open_plain(file) as opened:
        body = opened.read(HEAD)
        ended = not opened.read(1)
    text = bytes_as_utf8(body).decode("utf-8", "surrogateescape")
    lines = text.splitlines(keepends=True)
    yield from lines if ended or len(lines) == 1 else lines[:-1]


def _parsed(body: bytes) -> Iterator[Record]:
    """Yield the object in some JSON, with what stands in its `attributes` beside the rest."""
    if not body.strip():
        return
    try:
        values = parse_object(bytes_as_utf8(body), "the line")
    except UnusableError:
        return
    inner = values.pop("attributes", None)
    yield {**values, **(inner if isinstance(inner, dict) else {})}
