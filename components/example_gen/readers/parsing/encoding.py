"""Text encodings: UTF-16 and UTF-32 are read by their mark; others are refused by name."""

import codecs
import io
from typing import Any, BinaryIO, cast

from components.example_gen.storage.urls import printable
from schema.errors import InputError

MARKS = {  # in this order: the mark of UTF-16 begins that of UTF-32
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
SAMPLE = 1 << 18  # bytes at the beginning of a table that are examined
FEW = 2  # lines in another encoding; fewer are damage of their own
QUOTED = 60  # characters of a line that are shown


def as_utf8(file: BinaryIO, source: str) -> BinaryIO:
    """Recode a text to UTF-8 while it is read; UTF-8 stays as it is.

    Args:
        file: at its beginning; it can be peeked into.
        source: its name, for the sentence.

    Raises:
        InputError: it is UTF-16 without a mark, or no line that is not ASCII is UTF-8. Out of its
            reads: it ends within a character.
    """
    head = cast(io.BufferedReader, file).peek(SAMPLE)[:SAMPLE]
    encoding = _marked(head)
    if encoding is not None:
        return cast(BinaryIO, io.BufferedReader(_Recoded(file, encoding, source)))
    first = head.partition(b"\n")[0]
    if b"\0" in first:
        raise InputError(
            f"{source}: its first line holds zero bytes, as UTF-16 without a byte order mark does; "
            "save it as UTF-8"
        )
    return file


def check_utf8(file: BinaryIO, source: str) -> None:
    """Raise InputError if a table is in an encoding of single bytes, such as Windows-1252.

    Args:
        file: at its beginning; `SAMPLE` bytes of it can be peeked into.
        source: its name, for the sentence.
    """
    head = cast(io.BufferedReader, file).peek(SAMPLE)[:SAMPLE]
    lines = head.split(b"\n")
    if len(head) == SAMPLE:  # the last one may end within a character
        lines = lines[:-1]
    other = [number for number, line in enumerate(lines, 1) if not line.isascii()]
    bad = [number for number in other if not _is_utf8(lines[number - 1])]
    if bad and len(bad) == len(other) and (len(bad) >= FEW or bad == [1]):
        text = lines[bad[0] - 1].decode("cp1252", "replace")[:QUOTED]
        raise InputError(
            f"{source}: is not UTF-8; as Windows-1252 its line {bad[0]} reads {printable(text)!r}: "
            "if that is right, `iconv -f WINDOWS-1252 -t UTF-8` makes it one that is read"
        )


def bytes_as_utf8(body: bytes) -> bytes:
    """Return a whole text as UTF-8 without a mark; one that cannot be decoded stays as it is."""
    encoding = _marked(body)
    if encoding is None:
        return body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeDecodeError:
        return body


def _marked(head: bytes) -> str | None:
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), None)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Recoded(io.RawIOBase):
    """UTF-8 of a file in another encoding; half of a pair becomes bytes that are not UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str, source: str):
        self._file, self._source, self._encoding = file, source, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._ready, self._begun = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ended = False
        while not self._ready and not ended:
            given = self._file.read(len(buffer))
            ended = not given
            try:
                text = self._decoder.decode(given, final=ended)
            except UnicodeDecodeError as error:
                name = self._encoding.upper()
                raise InputError(f"{self._source}: its {name} is damaged or cut off") from error
            if not self._begun and text:
                text, self._begun = text.removeprefix("\ufeff"), True
            self._ready = text.encode("utf-8", "surrogatepass")
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size
