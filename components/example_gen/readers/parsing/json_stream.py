"""Read a large JSON object piece by piece: its lists come one entry at a time."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from components.example_gen.readers.parsing.limits import MAX_VALUES

_CHUNK = 1 << 20  # bytes
_LARGEST = 1 << 24  # characters of one entry
_DIGITS = 1000  # of an integer
_SPACE = re.compile(r"[ \t\n\r]*")
_BRACKET = re.compile(r'["\[\]{}]')
_IN_STRING = re.compile(r'["\\]')
UNUSABLE: Final = object()  # in place of an entry that is nested too deep or too large


class JsonStream:
    """The JSON text of a file, read piece by piece; what was read is not kept.

    Args:
        file: UTF-8; other bytes become surrogates.

    Raises:
        ValueError: out of its methods, if the text is not JSON.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._text, self._at = file, "", 0
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._decoder = json.JSONDecoder(parse_int=_integer)
        self._ended = False

    def fields(self) -> Iterator[str]:
        """Yield each key of the object; whoever takes one reads its value before the next one."""
        self._expect("{")
        if self._next() == "}":
            self._at += 1
        else:
            while True:
                key = self.value()
                if not isinstance(key, str):
                    raise ValueError("a key is not a text")
                self._expect(":")
                yield key
                if self._expect(",}") == "}":
                    break
        if self._next():
            raise ValueError("there is more after the end")

    def entries(self) -> Iterator[Any]:
        """Yield the entries of a list, `UNUSABLE` for one that is too deep or too large."""
        self._expect("[")
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self._expect(",]") == "]":
                return

    def is_list(self) -> bool:
        """Return whether the next value is a list."""
        return self._next() == "["

    def value(self) -> Any:
        """Return the next value, `UNUSABLE` if it is nested too deep or too large."""
        if self._next() == "":
            raise ValueError("it ends early")
        start = self._next()
        while True:
            try:
                if len(self._text) - self._at > 2 * _CHUNK and not self._is_small():
                    return self._skip()
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                return self._skip()
            except ValueError:
                if not self._more():
                    raise
                continue
            # A number may go on in the next piece.
            if end == len(self._text) and start not in '{["' and self._more():
                continue
            self._at = end
            return value

    def skip(self) -> None:
        """Pass over the next value."""
        if self._next() in ("{", "["):
            self._skip()
        else:
            self.value()

    def _is_small(self) -> bool:
        held = self._text
        return (
            len(held) - self._at <= _LARGEST
            and sum(held.count(character, self._at) for character in ",[{") <= MAX_VALUES
        )

    def _skip(self) -> Any:
        depth = 0
        while True:
            match = _BRACKET.search(self._text, self._at)
            if match is None:
                self._at = len(self._text)
                self._need_more()
                continue
            self._at = match.end()
            if match[0] == '"':
                self._skip_string()
            else:
                depth += 1 if match[0] in "[{" else -1
            if depth == 0:
                return UNUSABLE

    def _skip_string(self) -> None:
        while True:
            match = _IN_STRING.search(self._text, self._at)
            if match is None:
                self._at = len(self._text)
                self._need_more()
            elif match[0] == '"':
                self._at = match.end()
                return
            else:
                self._at = match.start()
                if self._at + 1 == len(self._text):
                    self._need_more()
                self._at += 2  # the backslash and what it stands before

    def _need_more(self) -> None:
        if not self._more():
            raise ValueError("it ends early")

    def _next(self) -> str:
        """Return the next character that is not a space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _expect(self, some: str) -> str:
        character = self._next()
        if not character or character not in some:
            raise ValueError(f"one of {some} is expected")
        self._at += 1
        return character

    def _more(self) -> bool:
        """Read on; as much again as is held, so that long entries are not tried too often."""
        if self._ended:
            return False
        body = self._file.read(max(_CHUNK, min(len(self._text) - self._at, _LARGEST)))
        self._ended = not body
        self._text = self._text[self._at :] + self._utf8.decode(body, final=self._ended)
        self._at = 0
        return not self._ended


def first_object(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object that the first line of a text is, or None if it is not one."""
    try:
        value = json.loads(text.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _integer(digits: str) -> int | str:
    """Parse an integer; one of thousands of digits, which Python refuses, stays a text."""
    return int(digits) if len(digits) < _DIGITS else digits
