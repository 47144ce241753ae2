"""Read Parquet tables, Hugging Face's with images inside among them, a row group a part."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from components.example_gen.readers.parsing.limits import MAX_TEXT_BYTES
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tables.cells import to_row
from components.example_gen.readers.tables.columns import Columns, find_columns
from components.example_gen.readers.tables.footer import MOST_LISTED, check_footer, damaged
from components.example_gen.readers.tables.pages import (
    HELD,
    LENGTHS,
    PAGE_RATIO,
    REPEATS,
    CheckedPages,
    Chunk,
)
from components.example_gen.rows import Place, Rejected, Row
from components.example_gen.storage import open_file
from components.example_gen.storage.decompress import BOMB_BYTES
from components.example_gen.storage.urls import shown
from schema.errors import InputError

BATCH = 32  # rows in memory at once: images may be inside
BUFFER = 1 << 20  # bytes of a column read at once
_TOO_MANY = "Exceeded size limit"  # in what Arrow says


def parts(file: str, _options: ReadOptions) -> int:
    """Count the row groups of the file; 1 where it has none."""
    with _opened(file) as (table, _):
        return max(1, table.num_row_groups)


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield the rows of one row group; their offsets count from the file's first row.

    Raises:
        InputError: the file is damaged or empty, or its columns are not known.
    """
    with _opened(file, part) as (table, pages):
        columns = find_columns(file, table.schema_arrow.names, options)
        if not table.metadata.num_rows or not table.num_row_groups:
            raise InputError(f"{shown(file)}: holds no record")
        groups = [table.metadata.row_group(n).num_rows for n in range(part)]
        offset = sum(groups)
        lists = _lists(table.metadata)
        pages.watch(
            [
                Chunk.of(chunk, chunk.path_in_schema in lists, table.metadata.num_rows)
                for chunk in _chunks(table, part, columns.all)
            ]
        )
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
def _opened(file: str, part: int | None = None) -> Iterator[tuple[Any, CheckedPages]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file.open_binary(file) as raw:
        pages = CheckedPages(raw, file)
        try:
            check_footer(raw, file)
            with pq.ParquetFile(pages, thrift_container_size_limit=MOST_LISTED) as table:
                metadata = table.metadata
            with pq.ParquetFile(
                pages,
                metadata=metadata,
                read_dictionary=_read_shared(metadata, part),
                buffer_size=BUFFER,
                pre_buffer=False,
                page_checksum_verification=True,
            ) as table:
                yield table, pages
        except UnicodeDecodeError as error:  # a column's name
            raise damaged(file) from error
        except (pa.ArrowException, OSError) as error:
            # The store's errors have a number, Arrow's of damaged bytes have none.
            if isinstance(error, OSError) and (error.errno or type(error) is not OSError):
                raise
            if _TOO_MANY in str(error):
                raise InputError(
                    f"{shown(file)}: lists more than {MOST_LISTED:,} columns or row groups, which "
                    "is not read; write larger row groups or several files"
                ) from error
            raise damaged(file) from error


def _lists(metadata: Any) -> set[str]:
    """Return the columns of lists of texts, whose entries may all be one large value."""
    leaves = (metadata.schema.column(n) for n in range(metadata.num_columns))
    return {
        leaf.path
        for leaf in leaves
        if leaf.max_repetition_level and leaf.physical_type == "BYTE_ARRAY"
    }


def _read_shared(metadata: Any, part: int | None) -> list[str]:
    """Return the columns of lists that Arrow is to read as dictionaries.

    As a plain column, Arrow copies a value for each entry that refers to it, so that a small file
    fills the memory. Columns without lists need no dictionary: their reader bounds the copies. In
    the encoding LENGTHS, which Arrow cannot read as a dictionary, each entry has its own bytes.
    """
    if part is None or part >= metadata.num_row_groups:
        return []
    group, lists = metadata.row_group(part), _lists(metadata)
    chunks = (group.column(n) for n in range(group.num_columns))
    return [
        chunk.path_in_schema
        for chunk in chunks
        if chunk.path_in_schema in lists and LENGTHS not in chunk.encodings
    ]


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
        return 0 if cell.values is None else _bytes_of_entries(cell.values)
    return 0


def _bytes_of_entries(entries: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = entries.type
    if pa.types.is_dictionary(kind):  # shared: they count as often as they occur
        lengths = pc.binary_length(entries.dictionary).take(entries.indices)
        return int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _bytes_of_entries(entries.flatten())
    if pa.types.is_struct(kind):
        return sum(map(_bytes_of_entries, entries.flatten()))
    return int(entries.nbytes)


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
    return max(1, min(BATCH, HELD // max(held // rows, largest, 1)))


def _largest_value(chunk: Any) -> int:
    """Return the bytes of the largest cell, where many cells may share one value.

    Where much comes of few bytes, a few rows may be large though the others are small.
    """
    plain, packed = chunk.total_uncompressed_size, chunk.total_compressed_size
    repeated = chunk.has_dictionary_page or REPEATS in chunk.encodings
    shared = repeated or (plain > BOMB_BYTES and plain > PAGE_RATIO * packed)
    return int(plain) if shared else 0


def _value(cell: Any) -> Any:
    """Return one cell; what is not UTF-8 in a text becomes surrogates."""
    import pyarrow as pa

    try:
        return cell.as_py()
    except UnicodeDecodeError:
        if isinstance(cell, pa.DictionaryScalar):
            cell = cell.value
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
