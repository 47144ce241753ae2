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

from components.example_gen.readers import Reader, ReadOptions
from components.example_gen.readers.limits import MAX_TEXT_BYTES, MAX_VALUES, beginning
from components.example_gen.readers.tables.columns import Columns, find_columns
from components.example_gen.readers.tables.protobuf_size import has_many_values
from components.example_gen.readers.tables.table import to_row
from components.example_gen.records.row import FIRST_BYTES, Place, Rejected, Row
from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import shown
from schema import features
from schema.errors import InputError

_HEAD, _TAIL = struct.Struct("<QI"), struct.Struct("<I")
_CHUNK = 1 << 20  # bytes passed over at once


def parts(file: str, options: ReadOptions) -> int:
    """A TFRecord is read in one go: nothing says where its records begin."""
    return 1


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
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
        names = dict.fromkeys(name for _, each in first if isinstance(each, dict) for name in each)
        columns = find_columns(file, names, options)
        for place, found in itertools.chain(first, rest):
            if isinstance(found, Rejected):
                yield found
            else:
                yield to_row(_as_columns(found, columns), columns, place, file)


READER = Reader(read, parts, "a TFRecord (.tfrecord)")


def masked_crc(body: bytes) -> int:
    """TFRecord's checksum: CRC-32C, turned by 15 bits and shifted, so that it has its own."""
    crc = google_crc32c.value(body)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _is_record(head: bytes) -> bool:
    """Whether a file begins with a record; its length may look like a compression's magic."""
    return len(head) == _HEAD.size and masked_crc(head[:8]) == _HEAD.unpack(head)[1]


class _DamagedRecordError(Exception):
    """A checksum does not fit, or the file ends within the record."""


def _bodies(file: BinaryIO, source: str, max_bytes: int) -> Iterator[bytes | int]:
    """Each record's bytes; of one that is too long its length."""
    for number in itertools.count():
        try:
            found = _next(file, max_bytes + MAX_TEXT_BYTES)
        except (DamagedError, _DamagedRecordError) as error:
            raise InputError(f"{source}: record {number} is damaged or cut off") from error
        if found is None:
            return
        yield found


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
    # TensorFlow takes seconds to import, so whoever reads other formats does not.
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    if isinstance(body, int):
        return Rejected(place, "too_many_bytes", f"the record has {body} bytes")
    if has_many_values(body):
        return Rejected(place, "bad_metadata", f"the record has more than {MAX_VALUES:,} values")
    try:
        found = tf.train.Example.FromString(body).features.feature
    except DecodeError:
        return Rejected(
            place, "bad_metadata", "the record is no tf.train.Example", None, body[:FIRST_BYTES]
        )
    cells: dict[str, Any] = {}
    for name, feature in found.items():
        kind = feature.WhichOneof("kind")
        cells[name] = (list(getattr(feature, kind).value) if kind else []) or None
    for name in options.attributes:
        if features.attribute(name) in cells:
            cells[name] = cells[features.attribute(name)]
    return cells


def _as_columns(cells: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """The cells as a table has them: all features are lists, and texts are bytes."""
    values = dict(cells)
    for name in (columns.key, *columns.attributes):
        if name and values.get(name) and len(values[name]) == 1:
            values[name] = values[name][0]
    if "path" in columns.image or "file" in columns.image:
        values[columns.image] = [
            each.decode("utf-8", "surrogateescape") for each in values.get(columns.image) or []
        ]
    return values
