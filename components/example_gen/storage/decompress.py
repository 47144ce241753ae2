"""Open a file that may be compressed, by its first bytes and not by its name."""

import bz2
import contextlib
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import zstandard

from components.example_gen.storage import open_file
from components.example_gen.storage.urls import shown
from schema.errors import InputError

BUFFER = 1 << 20  # decompressed bytes that are read at once
# The first bytes. More than the three letters of bzip2: a tar begins with a file's name.
MAGIC: dict[bytes, Callable[[BinaryIO], Any]] = {
    rb"\x1f\x8b\x08": lambda raw: gzip.GzipFile(fileobj=raw),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": lambda raw: _Frames(raw, bz2.BZ2Decompressor),
    rb"\xfd7zXZ\x00": lambda raw: _Frames(raw, _xz),
    rb"\x28\xb5\x2f\xfd": lambda raw: _Zstd(raw),  # noqa: PLW0108  the class is below
}
LONGEST_MAGIC = 12
BOMB_BYTES, BOMB_RATIO = (
    1 << 26,
    200,
)  # of unpacked bytes, and to packed ones; texts have a ratio of 10
_PIECE = 1 << 8  # bytes of zstd
MOST_MEMORY = 1 << 27  # bytes that a decompressor may take: xz -9 and zstd --ultra take 64 MiB
# Raised by their reads if the compressed bytes are damaged or cut off.
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class DamagedError(Exception):
    """The compressed bytes are damaged or cut off."""


def is_bomb(packed: int, plain: int) -> bool:
    """Return whether so few packed bytes for so many plain ones must be a trap."""
    return plain > BOMB_BYTES and plain > BOMB_RATIO * max(packed, 1)


@contextlib.contextmanager
def open_plain(
    address: str, is_plain: Callable[[bytes], bool] = lambda _: False
) -> Iterator[BinaryIO]:
    """Open a file, decompressed: gzip, bzip2, xz or zstd, or as it is. It need not seek.

    Args:
        address: of the file.
        is_plain: whether its first 12 bytes say that it is not compressed, where a format can
            begin with any bytes.

    Raises:
        DamagedError: out of its reads, if the compressed bytes are damaged or cut off.
        InputError: the store cannot read it.
    """
    with open_file.open_binary(address) as raw:
        head = cast(io.BufferedReader, raw).peek(LONGEST_MAGIC)[:LONGEST_MAGIC]
        for magic, opener in MAGIC.items():
            if re.match(magic, head) and not is_plain(head):
                counted = _Counted(raw)
                checked = _Checked(opener(cast(BinaryIO, counted)), counted, address)
                with io.BufferedReader(checked, BUFFER) as file:
                    yield cast(BinaryIO, file)
                return
        yield raw


class _Counted:
    """Count what is read of a file."""

    def __init__(self, raw: BinaryIO):
        self._raw, self.bytes = raw, 0

    def read(self, size: int = -1) -> bytes:
        body = self._raw.read(size)
        self.bytes += len(body)
        return body


class _Checked(io.RawIOBase):
    """Decompressed bytes; the errors of all libraries become one, and bombs are refused."""

    def __init__(self, inner: Any, packed: _Counted, address: str):
        self._inner, self._packed, self._address = inner, packed, address
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            body = self._inner.read(len(buffer))
        except DAMAGE as error:
            raise DamagedError from error
        except OSError as error:
            # bz2's "Invalid data stream" has no number; an error of the store has one.
            if error.errno is None and type(error) is OSError:
                raise DamagedError from error
            raise
        self._bytes += len(body)
        if is_bomb(self._packed.bytes, self._bytes):
            raise InputError(
                f"{shown(self._address)}: its first {self._packed.bytes:,} bytes unpack to more "
                f"than {self._bytes:,}, which no text or image does"
            )
        buffer[: len(body)] = body
        return len(body)


class _Frames:
    """bzip2 or xz, frame by frame; the libraries' own files do not limit their memory."""

    def __init__(self, raw: BinaryIO, new: Callable[[], Any]):
        self._raw, self._new = raw, new
        self._frame, self._rest, self._begun = new(), b"", False

    def read(self, size: int) -> bytes:
        while True:
            if self._frame.eof:
                self._rest = self._frame.unused_data.lstrip(b"\0")  # xz may pad with zeros
                self._frame, self._begun = self._new(), False
            if self._frame.needs_input and not self._rest:
                self._rest = self._raw.read(1 << 16)
                if not self._rest:
                    if self._begun:
                        raise EOFError
                    return b""
            if not self._begun and not self._rest.strip(b"\0"):
                self._rest = b""
                continue
            self._begun = True
            body: bytes = self._frame.decompress(self._rest, size)
            self._rest = b""
            if body:
                return body


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)


class _Zstd:
    """zstd, frame by frame; the library's own stream hides that a file is cut off."""

    def __init__(self, raw: BinaryIO):
        self._raw, self._ready = raw, io.BytesIO()
        self._begun, self._rest = False, b""
        self._frame = self._new()

    def read(self, size: int) -> bytes:
        while not (body := self._ready.read(size)):
            # Few at once: a piece is unpacked as a whole, to up to 30,000 times its size.
            given = self._rest or self._raw.read(_PIECE)
            if not given:
                if self._begun:
                    raise EOFError
                return b""
            self._rest = given[_PIECE:]
            self._ready = io.BytesIO(self._frame.decompress(given[:_PIECE]))
            self._begun = True
            if self._frame.eof:  # another frame may follow
                self._rest = self._frame.unused_data + self._rest
                self._begun = False
                self._frame = self._new()
        return body

    def _new(self) -> Any:
        return zstandard.ZstdDecompressor(max_window_size=MOST_MEMORY).decompressobj()
