"""The members of a tar, in order and read once; a tar that lost something does not pass."""

import dataclasses
import tarfile
from collections.abc import Iterator
from typing import IO, BinaryIO

from components.example_gen.addresses import printable, shown
from components.example_gen.decompress import DamagedError, open_plain
from schema.errors import InputError

CHUNK = 1 << 20  # bytes passed over at once


@dataclasses.dataclass(frozen=True)
class Body:
    """What a member holds. `before` is the last member that was whole."""

    address: str
    before: str
    file: IO[bytes]

    def read(self, size: int = -1) -> bytes:
        """All that was not read yet, or at most `size` bytes of it.

        Raises:
            InputError: the tar ends before it does.
        """
        try:
            return self.file.read(size)
        except (tarfile.TarError, DamagedError) as error:
            raise _damaged(self.address, self.before) from error


def _damaged(address: str, last: str) -> InputError:
    return InputError(f"{shown(address)}: the tar is damaged or cut off after {printable(last)}")


def members(address: str) -> Iterator[tuple[tarfile.TarInfo, Body | None]]:
    """Yield each member with its body, to be read before the next is asked for.

    Bytes of a name that are not UTF-8 are surrogates. The body of what is no regular file is None.

    Raises:
        InputError: the tar is damaged, cut off or none at all.
    """
    last = "the start"
    try:
        with open_plain(address) as file:
            once = _Forward(file)
            with tarfile.TarFile(fileobj=once, tarinfo=_WholeHeader, encoding="utf-8") as tar:  # type: ignore[arg-type]
                while (member := tar.next()) is not None:
                    held = tar.extractfile(member) if member.isreg() else None
                    yield member, Body(address, last, held) if held else None
                    last = member.name
                    tar.members = []  # type: ignore[attr-defined]  # the library would keep every header
            if once.has_more_than_zeros():
                raise InputError(f"{shown(address)}: there is more after the end of the tar")
    except (tarfile.TarError, DamagedError) as error:
        raise _damaged(address, last) from error


class _WholeHeader(tarfile.TarInfo):
    """A header that must be whole.

    The library takes a damaged or missing header for the end of the tar, and so would drop every
    member behind it. A tar's end is a block of zeros.
    """

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "_WholeHeader":
        try:
            return super().fromtarfile(tarfile)
        except _END:
            raise
        except (_BROKEN, ValueError, ArithmeticError, LookupError) as error:
            raise _READ_ERROR(str(error)) from error


# Named here since the library calls the argument above `tarfile` too.
_END, _BROKEN = tarfile.EOFHeaderError, tarfile.HeaderError  # type: ignore[attr-defined]
_READ_ERROR = tarfile.ReadError


class _Forward:
    """What tarfile needs of a file, where the file may not seek."""

    def __init__(self, file: BinaryIO):
        self._file, self._at, self._seeks = file, 0, file.seekable()

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        body = self._file.read(size)
        self._at += len(body)
        return body

    def seek(self, to: int) -> int:
        if self._seeks and to != self._at:
            self._at = self._file.seek(to)
        while self._at < to and self.read(min(CHUNK, to - self._at)):
            pass
        return self._at

    def seekable(self) -> bool:
        return self._seeks

    def has_more_than_zeros(self) -> bool:
        """Whether what is left holds something. Tars may end with any number of zeros."""
        return any(body.strip(b"\0") for body in iter(lambda: self.read(CHUNK), b""))
