"""Count the values of a tf.train.Example before it is decoded, which takes many times its bytes.

Format: https://protobuf.dev/programming-guides/encoding. Only what an Example may nest is gone
into: features, their map's entries, a feature, its list.
"""

from typing import Final

from components.example_gen.readers.parsing.limits import MAX_VALUES

_SMALL: Final = 1 << 21  # bytes; smaller records are not counted
_VARINT, _FIXED_64, _MESSAGE, _FIXED_32 = 0, 1, 2, 5  # how a field is written
_EXAMPLE, _FEATURES, _ENTRY, _FEATURE, _LIST = range(5)  # the nesting of an Example
_KEY, _BYTES, _FLOATS = 1, 1, 2  # fields of an entry, of a feature


def has_many_values(record: bytes) -> bool:
    """Return whether a record holds more than `MAX_VALUES` fields and numbers.

    One that is not well-formed has what was counted up to there; its decoder refuses it.
    """
    if len(record) < _SMALL:
        return False
    try:
        return _count(memoryview(record), _EXAMPLE, 0, MAX_VALUES) > MAX_VALUES
    except IndexError:
        return False


def _count(body: memoryview, what: int, of: int, most: int) -> int:
    """Count fields and numbers; `of` is the field of the feature that a list is."""
    at, count = 0, 0
    while at < len(body) and count <= most:
        tag, at = _varint(body, at)
        field, kind = tag >> 3, tag & 7
        count += 1
        if kind == _VARINT:
            _, at = _varint(body, at)
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
        elif kind == _MESSAGE:
            length, at = _varint(body, at)
            if what == _LIST:
                numbers = 0 if of == _BYTES else length // 4 if of == _FLOATS else length
                count += numbers
            elif (what, field) != (_ENTRY, _KEY):
                count += _count(body[at : at + length], what + 1, field, most - count)
            at += length
        else:
            raise IndexError
    return count


def _varint(body: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError
