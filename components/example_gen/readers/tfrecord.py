"""Read TFRecord files of tf.train.Example, plain or compressed.

A record is: its length in 8 bytes, their checksum in 4, the bytes, their checksum in 4; little
endian. Format: https://www.tensorflow.org/tutorials/load_data/tfrecord. TensorFlow's own reader
does not open every address that storage does.
"""

import itertools
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import google_crc32c

from components.example_gen.readers.parsing.limits import MAX_TEXT_BYTES, MAX_VALUES, beginning
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tables.cells import to_row
from components.example_gen.readers.tables.columns import Columns, find_columns
from components.example_gen.readers.tables.protobuf_size import has_many_values
from components.example_gen.rows import FIRST_BYTES, Place, Rejected, Row
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema import features
from schema.errors import InputError

_HEAD, _TAIL = struct.Struct("<QI"), struct.Struct("<I")
_CHUNK = 1 << 20  # bytes skipped at once


def read(file: str, _part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield a row or a rejection for each record.

    Raises:
        InputError: a checksum does not fit, the file is cut off or empty, or its columns are not
            known.
    """
    source = shown(file)
    with open_plain(file, _is_record) as opened:
        records = (
            (_length(body), (Place(source, number), _cells(Place(source, number), body, options)))
            for number, body in enumerate(_bodies(opened, source, options.max_bytes))
        )
        first, rest = beginning(records)
        if not first:
            raise InputError(f"{source}: holds no record")
        names = dict.fromkeys(
            name for _, cells in first if isinstance(cells, dict) for name in cells
        )
        columns = find_columns(file, names, options)
        for place, parsed in itertools.chain(first, rest):
            if isinstance(parsed, Rejected):
                yield parsed
            else:
                yield to_row(_as_columns(parsed, columns), columns, place, file)


def masked_crc(body: bytes) -> int:
    """Compute TFRecord's checksum: CRC-32C, rotated by 15 bits and shifted."""
    crc = google_crc32c.value(body)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _is_record(head: bytes) -> bool:
    """Return whether a file begins with a record, whose length may look like compression."""
    return len(head) == _HEAD.size and masked_crc(head[:8]) == _HEAD.unpack(head)[1]


class _DamagedRecordError(Exception):
    """A checksum does not fit, or the file ends within the record."""


def _bodies(file: BinaryIO, source: str, max_bytes: int) -> Iterator[bytes | int]:
    """Yield the bytes of each record, or the length of one that is too long."""
    for number in itertools.count():
        try:
            body = _next(file, max_bytes + MAX_TEXT_BYTES)
        except (DamagedError, _DamagedRecordError) as error:
            raise InputError(f"{source}: record {number} is damaged or cut off") from error
        if body is None:
            return
        yield body


def _length(body: bytes | int) -> int:
    return 0 if isinstance(body, int) else len(body)


def _next(file: BinaryIO, longest: int) -> bytes | int | None:
    head = file.read(_HEAD.size)
    if not head:
        return None
    if not _is_record(head):
        raise _DamagedRecordError
    size = int(_HEAD.unpack(head)[0])
    if size > longest:
        left = size + _TAIL.size
        while left:
            passed = len(file.read(min(left, _CHUNK)))
            if not passed:
                raise _DamagedRecordError
            left -= passed
        return size
    body, tail = file.read(size), file.read(_TAIL.size)
    if len(tail) != _TAIL.size or masked_crc(body) != _TAIL.unpack(tail)[0]:
        raise _DamagedRecordError
    return body


def _cells(place: Place, body: bytes | int, options: ReadOptions) -> dict[str, Any] | Rejected:
    # TensorFlow takes seconds to import, which readers of other formats are spared.
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    if isinstance(body, int):
        return Rejected(place, "too_many_bytes", f"the record has {body} bytes")
    if has_many_values(body):
        return Rejected(place, "bad_metadata", f"the record has more than {MAX_VALUES:,} values")
    try:
        features_by_name = tf.train.Example.FromString(body).features.feature
    except DecodeError:
        return Rejected(
            place, "bad_metadata", "the record is not a tf.train.Example", None, body[:FIRST_BYTES]
        )
    cells: dict[str, Any] = {}
    for name, feature in features_by_name.items():
        kind = feature.WhichOneof("kind")
        cells[name] = (list(getattr(feature, kind).value) if kind else []) or None
    for name in options.attributes:
        if features.attribute(name) in cells:
            cells[name] = cells[features.attribute(name)]
    return cells


def _as_columns(cells: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Return the cells as a table has them: TFRecord's features are lists, and its texts bytes."""
    values = dict(cells)
    for name in (columns.key, *columns.attributes):
        if name and values.get(name) and len(values[name]) == 1:
            values[name] = values[name][0]
    if "path" in columns.image or "file" in columns.image:
        values[columns.image] = [
            path.decode("utf-8", "surrogateescape") for path in values.get(columns.image) or []
        ]
    return values


READER = READERS.add(
    "tfrecord", Reader("a TFRecord (.tfrecord)", read, suffixes=("tfrecord", "tfrecords"))
)
