"""Open a file that may be compressed; its first bytes say how, its name does not matter."""

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

from components.example_gen import storage

BUFFER = 1 << 20  # bytes read of what is inside at once
# The first bytes. Those of bzip2 are more than its three letters: a tar begins with a file's name.
MAGIC: dict[bytes, Callable[[BinaryIO], Any]] = {
    rb"\x1f\x8b\x08": lambda raw: gzip.GzipFile(fileobj=raw),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": bz2.BZ2File,
    rb"\xfd7zXZ\x00": lzma.LZMAFile,
    rb"\x28\xb5\x2f\xfd": lambda raw: _Zstd(raw),
}
LONGEST_MAGIC = 12
# What their reads raise if the compressed bytes are damaged or cut off.
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class DamagedError(Exception):
    """The compressed bytes are damaged or cut off."""


@contextlib.contextmanager
def open_plain(
    address: str, is_plain: Callable[[bytes], bool] = lambda head: False
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
    with storage.open_binary(address) as raw:
        head = cast(io.BufferedReader, raw).peek(LONGEST_MAGIC)[:LONGEST_MAGIC]
        for magic, opener in MAGIC.items():
            if re.match(magic, head) and not is_plain(head):
                with io.BufferedReader(_Checked(opener(raw)), BUFFER) as file:
                    yield cast(BinaryIO, file)
                return
        yield raw


class _Checked(io.RawIOBase):
    """Decompressed bytes; every library's error becomes one."""

    def __init__(self, inner: Any):
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            body = self._inner.read(len(buffer))
        except DAMAGE as error:
            raise DamagedError from error
        except OSError as error:
            # bz2 says "Invalid data stream" so; an error of the store comes with a number.
            if error.errno is None and type(error) is OSError:
                raise DamagedError from error
            raise
        buffer[: len(body)] = body
        return len(body)


class _Zstd:
    """The library's own stream does not tell a file that is cut off from one that has ended."""

    def __init__(self, raw: BinaryIO):
        self._raw, self._ready = raw, io.BytesIO()
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun, self._rest = False, b""

    def read(self, size: int) -> bytes:
        while not (body := self._ready.read(size)):
            given = self._rest or self._raw.read(1 << 16)
            if not given:
                if self._begun:
                    raise EOFError
                return b""
            self._ready = io.BytesIO(self._frame.decompress(given))
            self._begun, self._rest = True, b""
            if self._frame.eof:  # another frame may follow
                self._rest = self._frame.unused_data
                self._begun = False
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        return body
