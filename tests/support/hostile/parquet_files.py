"""Parquet files that claim other things than they hold: footers and pages made by hand."""

import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.hostile.bombs import varint

STRUCT, INTEGER, LONG, BYTES = 12, 5, 6, 8  # types of Thrift's compact protocol


def fields(*listed: tuple[int, int, bytes]) -> bytes:
    """A struct of (number, type, encoded value)."""
    out, last = b"", 0
    for number, kind, value in listed:
        out += bytes([(number - last) << 4 | kind]) + value
        last = number
    return out + b"\0"


def integer(number: int) -> bytes:
    """In Thrift's zigzag."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def structs(*encoded: bytes) -> bytes:
    """A list of structs."""
    return bytes([0xF0 | STRUCT]) + varint(len(encoded)) + b"".join(encoded)


def column(name: str, children: int | None = None) -> bytes:
    """An element of a schema: a text, or what its children stand in."""
    named = (4, BYTES, varint(len(name)) + name.encode())
    optional = (3, INTEGER, integer(1))
    if children is None:
        return fields((1, INTEGER, integer(6)), optional, named)
    return fields(optional, named, (5, INTEGER, integer(children)))


def footer_only(path: Path, columns: list[bytes], rows: int = 1) -> None:
    """A file of no row groups."""
    footer = fields(
        (1, INTEGER, integer(1)),
        (2, 9, structs(*columns)),
        (3, LONG, integer(rows)),
        (4, 9, b"\x0c"),
    )
    path.write_bytes(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")


def lying(path: Path, table: pa.Table, **options: object) -> None:
    """A file whose footer claims that the columns unpack to no more than they are packed."""
    pq.write_table(table, path, store_schema=False, write_statistics=False, **options)
    body = path.read_bytes()
    start = len(body) - 8 - struct.unpack("<I", body[-8:-4])[0]
    footer, group = body[start:-8], pq.ParquetFile(path).metadata.row_group(0)
    for number in range(group.num_columns):
        described = group.column(number)
        claimed = integer(described.total_uncompressed_size)
        packed = described.total_compressed_size << 1
        # As many bytes as before: Thrift allows zeros in front.
        small = [packed >> 7 * n & 0x7F | 0x80 for n in range(len(claimed))]
        small[-1] &= 0x7F
        if described.total_uncompressed_size > 1 << 20:
            assert footer.count(claimed) >= 1
            footer = footer.replace(claimed, bytes(small))
    path.write_bytes(body[:start] + footer + body[-8:])


def shared_in_a_list(path: Path, size: int, entries: int) -> None:
    """One row of a list whose entries are one large text, once in the file."""
    shared = pa.DictionaryArray.from_arrays(
        pa.array([0] * entries, pa.int32()), pa.array(["x" * size])
    )
    lists = pa.ListArray.from_arrays(pa.array([0, entries], pa.int32()), shared)
    # Without Arrow's own schema, by which it would read a dictionary anyway.
    pq.write_table(pa.table({"image": ["a.png"], "caption": lists}), path, store_schema=False)


def repeating(path: Path, text: pa.Array, column_name: str = "image") -> None:
    """Each value is packed as what it has more than the value before."""
    table = pa.table({"image": text, "caption": ["a"] * len(text)})
    pq.write_table(
        table,
        path,
        compression="none",
        use_dictionary=False,
        column_encoding={column_name: "DELTA_BYTE_ARRAY"},
    )
