"""Check the pages of a Parquet file while Arrow reads them, before it unpacks them.

Arrow unpacks a page as a whole and believes what its header claims; the footer, which Arrow shows,
may claim something else. Format: https://parquet.apache.org/docs/file-format/data-pages.
"""

import dataclasses
import io
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

from components.example_gen.readers.tables.footer import damaged
from components.example_gen.readers.tables.thrift import Fields, MalformedError, Struct
from components.example_gen.storage.decompress import BOMB_BYTES, is_bomb
from components.example_gen.storage.urls import shown
from schema.errors import InputError

PAGE_RATIO: Final = 4  # of the unpacked bytes of a page of more than BOMB_BYTES to its packed ones
HELD: Final = 1 << 25  # bytes of rows in memory at once
_MANY, _OF_A_ROW = 1 << 20, 1000  # values of a column's lists; above both nothing is read
_MOST_OF_LISTS: Final = 1 << 24  # values of a row group, whatever rows the footer claims
_LONGEST_HEADERS: Final = (1 << 16, 1 << 24)  # bytes: a header may hold two values
_KIND, _PLAIN, _PACKED, _DICTIONARY = 1, 2, 3, 7  # fields of a header
_DATA = {5: 2, 8: 4}  # fields of a header of data, of both versions, and theirs of the encoding
_IS_DICTIONARY: Final = 2
_REPEATS, REPEATS = 7, "DELTA_BYTE_ARRAY"  # an encoding whose values begin like the one before
LENGTHS: Final = "DELTA_LENGTH_BYTE_ARRAY"  # an encoding that never shares a value
_SMALL_DICTIONARY: Final = 1 << 20  # bytes of one that the footer does not name, as old writers do


@dataclasses.dataclass
class Chunk:
    """A column of a row group, and what was seen of its pages.

    Attributes:
        name: of the column.
        at: where its next page begins.
        end: where Arrow reads no further.
        claimed: unpacked bytes by the footer.
        has_dictionary: whether the footer names one.
        encodings: by the footer.
        has_lists: whether a row may have several values.
        rows: of the file.
        packed, plain, values: sums of the pages so far.
    """

    name: str
    at: int
    end: int
    claimed: int
    has_dictionary: bool
    encodings: tuple[str, ...]
    has_lists: bool
    rows: int
    packed: int = 0
    plain: int = 0
    values: int = 0

    @classmethod
    def of(cls, described: Any, has_lists: bool, rows: int) -> "Chunk":
        """Take what the footer says of a column; it begins where Arrow begins to read."""
        start = described.data_page_offset
        named = described.dictionary_page_offset
        if described.has_dictionary_page and named is not None and 0 < named < start:
            start = named
        return cls(
            described.path_in_schema,
            start,
            start + described.total_compressed_size,
            described.total_uncompressed_size,
            bool(described.has_dictionary_page),
            tuple(described.encodings),
            has_lists,
            rows,
        )


class CheckedPages(io.RawIOBase):
    """A Parquet file that refuses to be read where a page claims too much.

    Args:
        raw: the file; it seeks.
        address: its address, for the sentence.

    Raises:
        InputError: out of its reads.
    """

    def __init__(self, raw: BinaryIO, address: str):
        self._raw, self._address = raw, address
        self._chunks: list[Chunk] = []

    def watch(self, chunks: Sequence[Chunk]) -> None:
        """Check the pages of some columns from now on."""
        self._chunks = list(chunks)

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place of the file."""
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._raw.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Read on, and check the pages that begin in what was read."""
        start = self._raw.tell()
        body = self._raw.read(-1 if size is None else size)
        for chunk in self._chunks:
            while start <= chunk.at < min(start + len(body), chunk.end):
                self._check_next(chunk, body[chunk.at - start :][: _LONGEST_HEADERS[0]])
        self._raw.seek(start + len(body))
        return body

    def _check_next(self, chunk: Chunk, head: bytes) -> None:
        header = self._header(chunk.at, head)
        packed = plain = 0
        if header is not None:
            sizes = header.fields.get(_PLAIN), header.fields.get(_PACKED)
            plain, packed = (size if isinstance(size, int) else -1 for size in sizes)
        if header is None or packed < 0 or plain < 0:
            raise damaged(self._address)
        is_dictionary = header.fields.get(_KIND) == _IS_DICTIONARY
        chunk.at += header.length + packed
        chunk.packed += header.length + packed
        chunk.plain += plain
        values, encoding = _data(header.fields)
        chunk.values += 0 if is_dictionary else values
        self._check(chunk, packed, plain, is_dictionary)
        if is_dictionary and chunk.has_lists and LENGTHS in chunk.encodings:
            raise InputError(
                f"{shown(self._address)}: its column {chunk.name} has lists in the encoding "
                f"{LENGTHS} and a dictionary, which is not read; write it with one of both"
            )
        if encoding == _REPEATS:
            self._check_repeats(chunk)

    def _header(self, at: int, head: bytes) -> Struct | None:
        for longest in (0, *_LONGEST_HEADERS):
            if longest:
                self._raw.seek(at)
                head = self._raw.read(longest)
            try:
                return Struct(head)
            except IndexError:
                continue
            except MalformedError:
                return None
        return None

    def _check(self, chunk: Chunk, packed: int, plain: int, is_dictionary: bool) -> None:
        whose = f"{shown(self._address)}: its column {chunk.name}"
        if (chunk.values > _MANY and chunk.values > _OF_A_ROW * chunk.rows) or (
            chunk.has_lists and chunk.values > _MOST_OF_LISTS
        ):
            raise InputError(
                f"{shown(self._address)}: the lists of its column {chunk.name} have more than "
                f"{chunk.values - 1:,} values, far more than captions of an image"
            )
        large = plain > BOMB_BYTES and plain > PAGE_RATIO * packed
        for few, many, bad in ((packed, plain, large), (chunk.packed, chunk.plain, False)):
            if bad or is_bomb(few, many):
                raise InputError(
                    f"{whose} unpacks {few:,} bytes to {many:,}, which no column of texts and "
                    "images does"
                )
        unnamed = is_dictionary and plain > _SMALL_DICTIONARY and not chunk.has_dictionary
        if unnamed or chunk.plain > chunk.claimed + HELD:
            raise InputError(f"{whose} holds more than the end of the file says: it is damaged")

    def _check_repeats(self, chunk: Chunk) -> None:
        """Each value may be as long as the page; the reader bounds the rows that it takes."""
        if chunk.has_lists or REPEATS not in chunk.encodings:
            raise InputError(
                f"{shown(self._address)}: its column {chunk.name} has the encoding {REPEATS}, "
                "which is not read in lists; write it with another one"
            )


def _data(fields: Fields) -> tuple[int, int | None]:
    """Return how many values a page has, and their encoding."""
    for number, of_encoding in _DATA.items():
        nested = fields.get(number)
        if isinstance(nested, dict):
            count, encoding = nested.get(1), nested.get(of_encoding)
            return (
                max(count, 0) if isinstance(count, int) else 0,
                encoding if isinstance(encoding, int) else None,
            )
    return 0, None
