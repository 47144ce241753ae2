"""Read Parquet tables, Hugging Face's with images inside among them, a row group a part."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.example_gen import storage
from components.example_gen.addresses import shown
from components.example_gen.readers import Reader, ReadOptions
from components.example_gen.readers.columns import find_columns
from components.example_gen.readers.table import to_row
from components.example_gen.row import Place, Rejected, Row
from schema.errors import InputError

BATCH = 32  # rows in memory at once: images may be inside
BUFFER = 1 << 20  # bytes of a column read at once


def parts(file: str, options: ReadOptions) -> int:
    """The row groups of the file; 1 where it has none."""
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
        batches = table.iter_batches(
            BATCH, row_groups=[part], columns=columns.all, use_threads=False
        )
        for batch in batches:
            values = {name: _values(batch.column(name)) for name in columns.all}
            for n in range(batch.num_rows):
                cells = {name: column[n] for name, column in values.items()}
                yield to_row(cells, columns, Place(shown(file), offset + n), file)
            offset += batch.num_rows


READER = Reader(read, parts, "a Parquet table (.parquet)")


@contextlib.contextmanager
def _opened(file: str) -> Iterator[Any]:
    with storage.open_binary(file) as raw:
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


def _values(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(cell) for cell in column]


def _value(cell: Any) -> Any:
    """One cell; in a text what is not UTF-8 stays as surrogates."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        if hasattr(cell, "as_buffer"):
            return cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
        if hasattr(cell, "values"):
            return [_value(each) for each in cell.values]
        return NotImplemented  # in another thing: no one can use it
