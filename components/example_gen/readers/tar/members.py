"""The members of a tar, read once and in order; a tar with lost members is refused."""

import dataclasses
import tarfile
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

from components.example_gen.storage.decompress import DamagedError, open_plain
from components.example_gen.storage.urls import printable, shown
from schema.errors import InputError

CHUNK = 1 << 20  # bytes skipped at once
MAX_HEADER_BYTES = 1 << 20  # of a member's name and what else a tar says of it
MAX_NAME = 1 << 12  # characters, as of a path of Linux


@dataclasses.dataclass(frozen=True)
class Body:
    """What a member holds. `before` is the last member that was whole."""

    address: str
    before: str
    file: IO[bytes]

    def read(self, size: int = -1) -> bytes:
        """Return the rest of the body, or at most `size` bytes of it.

        Raises:
            InputError: the tar ends before it does.
        """
        try:
            return self.file.read(size)
        except (tarfile.TarError, DamagedError) as error:
            raise _damaged(self.address, self.before, error) from error


def _damaged(address: str, last: str, error: Exception) -> InputError:
    after = f"after {printable(last)}"
    if isinstance(error, _TooMuchError):
        return InputError(f"{shown(address)}: {after} the tar has {error}, which is not read")
    return InputError(f"{shown(address)}: the tar is damaged or cut off {after}")


class _TooMuchError(tarfile.ReadError):
    """A header asks for more than is read; the message says for what."""


def members(address: str) -> Iterator[tuple[tarfile.TarInfo, Body | None]]:
    """Yield each member with its body, to be read before the next is taken.

    Bytes of a name that are not UTF-8 are surrogates. The body of a link, device or folder is None.

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
        raise _damaged(address, last, error) from error


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
        except (_BROKEN, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise _READ_ERROR(str(error)) from error

    def _proc_member(self, tarfile: tarfile.TarFile) -> "_WholeHeader":
        # The library reads these bodies as a whole and keeps their names.
        if self.type in _HEADERS and self.size > MAX_HEADER_BYTES:
            raise _TooMuchError(f"a header of {self.size:,} bytes")
        if self.type == _SPARSE:
            raise _TooMuchError("a sparse file")
        if self.type == _GLOBAL:
            self._check_globals(tarfile)
        member: _WholeHeader = super()._proc_member(tarfile)  # type: ignore[misc]
        if len(member.name) > MAX_NAME or len(member.linkname) > MAX_NAME:
            raise _TooMuchError(f"a name of {len(member.name):,} characters")
        return member

    def _proc_builtin(self, tarfile: tarfile.TarFile) -> "_WholeHeader":
        self._check_size()
        return super()._proc_builtin(tarfile)  # type: ignore[misc]

    def _apply_pax_info(self, *given: Any) -> None:
        super()._apply_pax_info(*given)  # type: ignore[misc]
        self._check_size()

    def _check_size(self) -> None:
        if self.size < 0:
            raise _READ_ERROR("a negative size")

    def _proc_gnusparse_10(self, *_: Any) -> None:
        # A few bytes of such a file stand for any number of zeros, and its map may be as long.
        raise _TooMuchError("a sparse file")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10

    def _check_globals(self, tarfile: tarfile.TarFile) -> None:
        held = sum(len(name) + len(value) for name, value in tarfile.pax_headers.items())
        if held > MAX_HEADER_BYTES:
            raise _TooMuchError(f"global headers of {held:,} bytes")


# Named here since the library calls the argument above `tarfile` too.
_END, _BROKEN = tarfile.EOFHeaderError, tarfile.HeaderError  # type: ignore[attr-defined]
_READ_ERROR = tarfile.ReadError
_SPARSE, _GLOBAL = tarfile.GNUTYPE_SPARSE, tarfile.XGLTYPE
_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class _Forward:
    """What tarfile needs of a file that may not be able to seek."""

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
        """Return whether the rest holds something. Tars may end with any number of zeros."""
        return any(body.strip(b"\0") for body in iter(lambda: self.read(CHUNK), b""))
