"""Read Parquet tables, Hugging Face's with images inside among them, a row group a part."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from components.example_gen.readers.parsing.limits import MAX_TEXT_BYTES
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tables.cells import to_row
from components.example_gen.readers.tables.columns import Columns, find_columns
from components.example_gen.rows import Place, Rejected, Row
from components.example_gen.storage import open_file
from components.example_gen.storage.decompress import is_bomb
from components.example_gen.storage.urls import shown
from schema.errors import InputError

BATCH = 32  # rows in memory at once: images may be inside
_MANY, _OF_A_ROW = 1 << 20, 1000  # values of a column's lists; above both nothing is read
_HELD = 1 << 25  # bytes of rows in memory at once, where the footer tells the truth
BUFFER = 1 << 20  # bytes of a column read at once


def parts(file: str, _options: ReadOptions) -> int:
    """Count the row groups of the file; 1 where it has none."""
    with _opened(file) as table:
        return max(1, table.num_row_groups)


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield the rows of one row group; their offsets count from the file's first row.

    Raises:
        InputError: the file is damaged or empty, or its columns are not known.
    """
    with _opened(file) as table:
        columns = find_columns(file, table.schema_arrow.names, options)
        if not table.metadata.num_rows:
            raise InputError(f"{shown(file)}: holds no record")
        groups = [table.metadata.row_group(n).num_rows for n in range(part)]
        offset = sum(groups)
        _check_expansion(file, table, part, columns.all)
        batches = table.iter_batches(
            _rows_at_once(table, part, columns.all),
            row_groups=[part],
            columns=columns.all,
            use_threads=False,
        )
        for batch in batches:
            for n in range(batch.num_rows):
                place = Place(shown(file), offset + n)
                # A cell at a time: rows may share one in the file, and each would get its own.
                cells = {name: batch.column(name)[n] for name in columns.all}
                yield _to_row(cells, columns, place, file, options)
            offset += batch.num_rows


@contextlib.contextmanager
def _opened(file: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file.open_binary(file) as raw:
        try:
            with pq.ParquetFile(
                raw, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True
            ) as table:
                yield table
        except (pa.ArrowException, OSError) as error:
            # The store's errors have a number, Arrow's of damaged bytes have none.
            if isinstance(error, OSError) and (error.errno or type(error) is not OSError):
                raise
            raise InputError(f"{shown(file)}: the Parquet file is damaged or cut off") from error


def _to_row(
    cells: dict[str, Any], columns: Columns, place: Place, file: str, options: ReadOptions
) -> Row | Rejected:
    most = options.max_bytes + MAX_TEXT_BYTES
    for name, cell in cells.items():
        if (size := _bytes(cell)) > most:
            reason = "too_many_bytes" if name == columns.image else "bad_metadata"
            return Rejected(place, reason, f"{name} has {size} bytes")
    return to_row({name: _value(cell) for name, cell in cells.items()}, columns, place, file)


def _bytes(cell: Any) -> int:
    """Return the bytes of a text or of bytes, also in an object; of a list those of its entries."""
    import pyarrow as pa

    if not cell.is_valid:
        return 0
    if hasattr(cell, "as_buffer"):
        return int(cell.as_buffer().size)
    if isinstance(cell, pa.StructScalar):
        return sum(_bytes(field) for field in cell.values())
    if isinstance(cell, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar):
        held = cell.values
        return 0 if held is None else int(held.nbytes)
    return 0


def _chunks(table: Any, part: int, names: Sequence[str]) -> Iterator[Any]:
    """Yield what the footer says of the columns that are read."""
    group = table.metadata.row_group(part)
    for n in range(group.num_columns):
        chunk = group.column(n)
        if chunk.path_in_schema.partition(".")[0] in names or chunk.path_in_schema in names:
            yield chunk


def _rows_at_once(table: Any, part: int, names: Sequence[str]) -> int:
    """Return how many rows to read at once: fewer than `BATCH` where they are large."""
    rows = max(1, table.metadata.row_group(part).num_rows)
    held = sum(chunk.total_uncompressed_size for chunk in _chunks(table, part, names))
    largest = max((_largest_value(chunk) for chunk in _chunks(table, part, names)), default=0)
    return max(1, min(BATCH, _HELD // max(held // rows, largest, 1)))


def _largest_value(chunk: Any) -> int:
    """Return the bytes of the largest cell, where many cells may share one value."""
    shared = chunk.has_dictionary_page
    return int(chunk.total_uncompressed_size) if shared else 0


def _check_expansion(file: str, table: Any, part: int, names: Sequence[str]) -> None:
    for chunk in _chunks(table, part, names):
        if chunk.num_values > _MANY and chunk.num_values > _OF_A_ROW * table.metadata.num_rows:
            raise InputError(
                f"{shown(file)}: the lists of its column {chunk.path_in_schema} have "
                f"{chunk.num_values:,} values, far more than captions of an image"
            )
        packed, plain = chunk.total_compressed_size, chunk.total_uncompressed_size
        if is_bomb(packed, plain):
            raise InputError(
                f"{shown(file)}: its column {chunk.path_in_schema} unpacks {packed:,} bytes to "
                f"{plain:,}, which no column of texts and images does"
            )


def _value(cell: Any) -> Any:
    """Return one cell; what is not UTF-8 in a text becomes surrogates."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        if hasattr(cell, "as_buffer"):
            return cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
        if hasattr(cell, "values"):
            return [_value(value) for value in cell.values]
        return NotImplemented  # in another thing: no one can use it


READER = READERS.add(
    "parquet",
    Reader(
        "a Parquet table (.parquet)",
        read,
        parts,
        suffixes=("parquet", "pq"),
        compressible=False,
    ),
)
