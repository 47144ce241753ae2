"""Read the integers of a struct in Thrift's compact protocol, and pass over texts and the like.

The pages of a Parquet file begin with such structs, and its footer is one. Format:
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Final

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE = 1, 2, 3, 4, 5, 6, 7
_BINARY, _LIST, _SET, _MAP, _STRUCT = 8, 9, 10, 11, 12
_DEEPEST: Final = 16  # structs and lists within each other

Fields = dict[int, "int | Fields"]


class MalformedError(ValueError):
    """The bytes are not such a struct."""


class Struct:
    """Decode one struct.

    Args:
        body: begins with the struct.
        kept_list: the number of a field; the structs of its list are kept.

    Attributes:
        entries: those structs, also where the field is repeated.
        fields: integers and structs by the numbers of their fields.
        length: bytes of the struct.

    Raises:
        IndexError: the bytes end within it.
        MalformedError: it is none.
    """

    def __init__(self, body: bytes, kept_list: int = -1):
        self._body, self._at, self._kept_list = body, 0, kept_list
        self.entries: list[Fields] = []
        self.fields = self._struct(0)
        self.length = self._at

    def _struct(self, depth: int) -> Fields:
        if depth > _DEEPEST:
            raise MalformedError("nested too deeply")
        fields: Fields = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            value = self._value(head & 15, depth, depth == 0 and number == self._kept_list)
            if value is not None:
                fields[number] = value
        return fields

    def _value(self, kind: int, depth: int, is_kept: bool = False) -> "int | Fields | None":
        if kind in (_TRUE, _FALSE):
            return int(kind == _TRUE)
        if kind in (_I16, _I32, _I64):
            return self._integer()
        if kind == _STRUCT:
            return self._struct(depth + 1)
        if kind in (_LIST, _SET):
            self._list(depth, is_kept)
        elif kind == _BINARY:
            self._pass(self._varint())
        elif kind in (_BYTE, _DOUBLE):
            self._pass(1 if kind == _BYTE else 8)
        else:  # a map: Parquet has none
            raise MalformedError(f"type {kind}")
        return None

    def _list(self, depth: int, is_kept: bool) -> None:
        if depth > _DEEPEST:
            raise MalformedError("nested too deeply")
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        for _ in range(count):
            if head & 15 in (_TRUE, _FALSE):
                self._pass(1)
                continue
            entry = self._value(head & 15, depth + 1)
            if is_kept and isinstance(entry, dict):
                self.entries.append(entry)

    def _integer(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise MalformedError("a long integer")

    def _byte(self) -> int:
        self._at += 1
        return self._body[self._at - 1]

    def _pass(self, count: int) -> None:
        self._at += count
        if self._at > len(self._body):
            raise IndexError(self._at)
