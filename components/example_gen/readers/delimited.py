"""Read CSV and TSV with a header line, by RFC 4180: quoted cells may hold line breaks.

The delimiter is the first one that gives an image and a caption column: the tab in a `.tsv`, else
the comma; then tab, semicolon and bar, then other characters of the header that are unusual in
names. An empty cell is null. A caption cell may be a JSON list of captions.
"""

import contextlib
import csv
import io
import itertools
import json
from collections.abc import Iterator
from typing import Any, TextIO, cast

from components.example_gen.readers.parsing.encoding import SAMPLE, as_utf8, check_utf8
from components.example_gen.readers.parsing.limits import MAX_CELLS, longest_line
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tables.cells import escaped, to_row
from components.example_gen.readers.tables.columns import Columns, find_columns
from components.example_gen.rows import FIRST_BYTES, Place, Rejected, Row
from components.example_gen.storage import urls
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema.errors import InputError

_LONGEST_HEADER = 1 << 20
_IN_NAMES = " _-./\"'()[]{}\ufeff"  # usual in names, beside letters and digits


def read(file: str, _part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield a row or a rejection for each line below the header that is not blank.

    Raises:
        InputError: there is no line, the columns are not known, or a quote is never closed.
    """
    try:
        with open_plain(file) as opened:
            plain = io.BufferedReader(cast(Any, as_utf8(opened, shown(file))), SAMPLE)
            check_utf8(plain, shown(file))
            # What is not UTF-8 becomes surrogates, so that only cells that hold some are rejected.
            text = io.TextIOWrapper(plain, "utf-8-sig", "surrogateescape", newline="")
            yield from _rows(file, text, options)
    except DamagedError as error:
        raise InputError(f"{shown(file)}: its compressed bytes are damaged or cut off") from error


def _rows(file: str, text: TextIO, options: ReadOptions) -> Iterator[Row | Rejected]:
    source, longest = shown(file), longest_line(options)
    lines = _lines(source, text, longest)
    header_line = next(lines, "")
    if not header_line.strip():
        raise InputError(f"{source}: has no header line")
    # The library has one limit for the whole process; all files of a run have the same one.
    csv.field_size_limit(longest)
    delimiter = _delimiter(file, header_line, options)
    table = csv.reader(itertools.chain([header_line], lines), delimiter=delimiter, strict=True)
    header = next(_cells(source, table))[1]
    if isinstance(header, csv.Error):
        raise InputError(f"{source}: its header line is not CSV ({header})")
    named = [name for name in header if name]
    for name in named:
        if named.count(name) > 1:
            raise InputError(f"{source}: has two columns {name!r}")
    columns = find_columns(file, named, options)
    has_record = False
    for number, cells in _cells(source, table):
        if cells == []:
            continue
        has_record = True
        place = Place(source, number)
        if isinstance(cells, csv.Error):
            yield Rejected(place, "bad_metadata", f"the line is not CSV: {cells}")
        elif len(cells) != len(header):
            detail = f"{len(cells)} cells for {len(header)} columns"
            first = escaped(delimiter.join(cells)[:FIRST_BYTES])[:FIRST_BYTES]
            yield Rejected(place, "bad_metadata", detail, first_bytes=first)
        else:
            named_cells = dict(zip(header, cells, strict=True))
            yield to_row(_values(named_cells, columns), columns, place, file)
    if not has_record:
        raise InputError(f"{source}: holds no record")


def _cells(source: str, table: Any) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield each row with the number of its first line, from 1."""
    while True:
        first = table.line_num + 1
        try:
            yield first, next(table)
        except StopIteration:
            return
        except csv.Error as error:
            if table.line_num > first or "end of data" in str(error) or "limit" in str(error):
                # Behind it, cells and rows cannot be told apart.
                raise InputError(
                    f"{source}: a quote in the row that begins in line {first} is not closed "
                    f"rightly ({error})"
                ) from error
            yield first, error


def _lines(source: str, text: TextIO, longest: int) -> Iterator[str]:
    for number in itertools.count(1):
        line = text.readline(longest + 1)
        if not line:
            return
        if len(line) > longest:
            raise InputError(f"{source}: line {number} has more than {longest} characters")
        if len(line) > MAX_CELLS and any(
            line.count(delimiter) > MAX_CELLS for delimiter in ",\t;|"
        ):
            raise InputError(f"{source}: line {number} has more than {MAX_CELLS:,} cells")
        if number == 1 and len(line) > _LONGEST_HEADER:
            most = f"{_LONGEST_HEADER:,} characters"
            raise InputError(f"{source}: its header line has more than {most}")
        yield line


def _delimiter(file: str, header: str, options: ReadOptions) -> str:
    """Return the delimiter that fits the columns, else the one that gives most of them.

    Raises:
        InputError: the header is one column whatever the delimiter.
    """
    if header.count('"') % 2:  # a name goes on in the next line
        return max(",\t;|", key=header.count)
    usual = "\t,;|" if ".tsv" in urls.name(file).lower() else ",\t;|"
    odd = [c for c in header.rstrip("\r\n") if not (c.isalnum() or c in _IN_NAMES or c in usual)]
    columns: dict[str, int] = {}
    for delimiter in dict.fromkeys([*usual, *odd]):
        names = _header(header, delimiter)
        if len(names) > 1:
            columns[delimiter] = len(names)
            with contextlib.suppress(InputError):
                find_columns(file, names, options)
                return delimiter
    if not columns:
        raise InputError(
            f"{shown(file)}: its header line {header.strip()[:80]!r} is a single column; the names "
            "of two or more columns are expected, with a comma, tab, ; or | between them"
        )
    return max(columns, key=lambda delimiter: (columns[delimiter], delimiter in usual))


def _header(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _values(cells: dict[str, str], columns: Columns) -> dict[str, Any]:
    values: dict[str, Any] = {name: cell or None for name, cell in cells.items()}
    for name in columns.captions:
        if values[name] is not None and values[name].lstrip().startswith(('["', "['", "[]")):
            values[name] = _json_list(values[name])
    if columns.labels is not None and values[columns.labels] is not None:
        values[columns.labels] = _json(values[columns.labels])
    if (values[columns.image] or "").startswith("{"):
        values[columns.image] = _json(values[columns.image])
    return values


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _json_list(cell: str) -> Any:
    """Return the list, or a value that is not a caption: Python's lists are not read."""
    value = _json(cell)
    if isinstance(value, str) and cell.rstrip().endswith("]"):
        return 0
    return value


READER = READERS.add("csv", Reader("a table of text (.csv, .tsv)", read, suffixes=("csv", "tsv")))
