"""Read WebDataset shards: tar files whose neighbouring members `key.png`, `key.json` are a record.

Format: https://github.com/webdataset/webdataset. The key is the member's path up to the first dot
of its file name. The image is the member with an image suffix; `sidecar` says what is read of
`.txt` and `.json`. As in that library, members whose name begins with `__` or a dot, or has no
suffix, are none of a record, and neither are folders.
"""

import posixpath
import tarfile
from collections.abc import Iterator

from components.example_gen.addresses import printable, shown
from components.example_gen.readers import Reader, ReadOptions
from components.example_gen.readers.sidecar import IMAGE_SUFFIXES, MAX_TEXT_BYTES, fields_of
from components.example_gen.readers.tar_members import Body, members
from components.example_gen.reasons import UnusableError
from components.example_gen.row import FIRST_BYTES, Place, Rejected, Row
from schema.errors import InputError


def parts(file: str, options: ReadOptions) -> int:
    """A tar is read in one go."""
    return 1


def read(file: str, part: int, options: ReadOptions) -> Iterator[Row | Rejected]:
    """Yield the records of one shard, in order.

    Args:
        file: a tar; it may be compressed.
        part: 0.
        options: names of the columns and attributes, and limits.

    Raises:
        InputError: the tar is damaged or cut off, or holds no record.
    """
    record: _Record | None = None
    found = False
    for member, body in members(file):
        key, suffix = _split(member.name)
        if not _belongs(member, suffix):
            continue
        if record is None or record.key != key:
            if record is not None:
                yield record.close(options)
            record = _Record(key, Place(shown(file), member.offset))
            found = True
        record.add(member, suffix, body, options)
    if not found or record is None:
        raise InputError(f"{shown(file)}: holds no record")
    yield record.close(options)


READER = Reader(read, parts, "a WebDataset (.tar, .tar.gz)")


class _Record:
    """The members of one key, as they come."""

    def __init__(self, key: str, place: Place):
        self.key, self._place = key, place
        self._parts: dict[str, bytes] = {}
        self._error: UnusableError | None = None

    def add(
        self, member: tarfile.TarInfo, suffix: str, body: Body | None, options: ReadOptions
    ) -> None:
        """Take a member; of several faults the first one counts."""
        if self._error is None:
            try:
                self._take(member, suffix, body, options)
            except UnusableError as error:
                self._error = error

    def _take(
        self, member: tarfile.TarInfo, suffix: str, body: Body | None, options: ReadOptions
    ) -> None:
        name = printable(member.name)
        if _is_unsafe(member.name):
            raise UnusableError("unsafe_name", name)
        if body is None:
            raise UnusableError("not_a_file", name)
        if suffix in self._parts:
            raise UnusableError("repeated_name", name)
        if suffix in IMAGE_SUFFIXES:
            if member.size > options.max_bytes:
                raise UnusableError("too_many_bytes", f"{name}: {member.size} bytes")
        elif suffix not in ("txt", "json"):
            self._parts[suffix] = b""  # of no use; not even read
            return
        elif member.size > MAX_TEXT_BYTES:
            raise UnusableError("bad_metadata", f"{name}: {member.size} bytes")
        self._parts[suffix] = body.read()

    def close(self, options: ReadOptions) -> Row | Rejected:
        """The whole record."""
        images = [body for suffix, body in self._parts.items() if suffix in IMAGE_SUFFIXES]
        try:
            if self._error is not None:
                raise self._error
            if len(images) != 1:
                raise UnusableError("several_images" if images else "no_image")
            texts = tuple(body for suffix, body in self._parts.items() if suffix == "txt")
            fields = fields_of(self._parts, texts, options)
        except UnusableError as error:
            first = images[0] if images else next(iter(self._parts.values()), b"")
            return Rejected(
                self._place, error.reason, error.detail, printable(self.key), first[:FIRST_BYTES]
            )
        return Row(self._place, image=images[0], key=printable(self.key), **fields)


def _split(name: str) -> tuple[str, str]:
    folder, _, base = name.rpartition("/")
    if "./" in name or "//" in name:
        folder = posixpath.normpath(folder) if folder else ""
    stem, _, suffix = base.partition(".")
    inside = folder not in ("", ".")
    return (f"{folder}/{stem}" if inside else stem), suffix.lower()


def _is_unsafe(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def _belongs(member: tarfile.TarInfo, suffix: str) -> bool:
    """Whether a member is one of a record, or wants to be taken for one."""
    base = member.name.rpartition("/")[2]
    if member.isdir() or base.startswith("__"):
        return False
    if _is_unsafe(member.name) or not member.isreg():
        return True
    return suffix != "" and not base.startswith(".")
