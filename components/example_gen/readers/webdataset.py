"""Read WebDataset shards: tar files in which `key.png` and `key.json` are a record.

Format: https://github.com/webdataset/webdataset. There the key ends at the first dot of the file
name, so that `scan.1.jpg` and `scan.2.jpg` would be one record. Here, files with the same name up
to the last dot are a record if they hold an image and a text. Where none pair like that, as with
`a.input.jpg` and `a.outputs.txt`, those with the same name up to the first dot are a record.
`columns.image` names the image by what follows the first dot, `columns.captions` names texts.

The image is the member with the suffix of an image or, if its suffix is unknown, with the bytes of
one. `parsing.metadata.fields_of` says what is read of `.txt` and `.json`. Members of a key may be
apart while the members that wait for others are small. As in that library, folders and members
whose name begins with `__` or a dot, or has no suffix, belong to no record.
"""

import tarfile
from collections.abc import Iterator, Sequence

from components.example_gen.readers.parsing.file_kinds import counted_as
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.readers.tar.members import Body, members
from components.example_gen.readers.tar.record import Name, TarRecord, is_unsafe, listed
from components.example_gen.rows import Ignored, Place, Rejected, Row
from components.example_gen.storage.urls import printable, shown
from schema.errors import InputError

WAITING_BYTES = 32 << 20  # of members that wait for others of their record
MIDDLES = 10_000  # most parts between dots that are remembered of a tar
HALVES = ("no_image", "no_caption")  # the reasons of incomplete records

Output = Row | Rejected | Ignored


def read(file: str, _part: int, options: ReadOptions) -> Iterator[Output]:
    """Yield the records of one shard; those whose members stand apart come last.

    Args:
        file: a tar; it may be compressed.
        options: names of the columns and attributes, and limits.

    Raises:
        InputError: the tar is damaged or cut off, holds no record, or the members of a key stand
            too far apart.
    """
    pairs = _Pairs(shown(file), options)
    has_record = False
    for member, body in members(file):
        base = member.name.rpartition("/")[2]
        if member.isdir():
            continue
        if not is_unsafe(member.name) and member.isreg():
            if base.startswith(("__", ".")):
                yield Ignored("hidden")
                continue
            if "." not in base:
                yield Ignored(counted_as(base))
                continue
        elif base.startswith("__"):
            continue
        has_record = True
        yield from pairs.add(member, body)
    if not has_record:
        raise InputError(f"{shown(file)}: holds no record")
    yield from pairs.end()


class _Pairs:
    """Put members together. A family is what shares its name up to the first dot."""

    def __init__(self, source: str, options: ReadOptions):
        self._source, self._options = source, options
        self._open: TarRecord | None = None
        self._family = ""
        self._whole: set[str] = set()  # middles of the complete records of the family
        self._halves: list[TarRecord] = []  # of the family
        self._waiting: dict[str, TarRecord] = {}  # incomplete records of all families, by key
        self._bytes = 0  # of these
        self._gone: set[int] = set()  # hashes of the keys that waited too long
        # A middle, the part between the dots, is a field's name if many families have it.
        self._seen: dict[str, str] = {}  # one family of each middle
        self._common: set[str] = set()  # middles of two families or more
        self._last_dot = False  # whether files paired up to their last dot

    def add(self, member: tarfile.TarInfo, body: Body | None) -> Iterator[Output]:
        """Take the next member of the tar."""
        name = Name.of(member.name)
        # If a field is named, the key ends at the first dot.
        key = name.family if self._options.columns.image is not None else name.stem
        if self._open is not None and self._open.key != key:
            yield from self._settle()
        if self._open is None and self._family != name.family:
            yield from self._end_of_family()
            self._family = name.family
        if self._open is None:
            self._open = self._begun(key, name.family, Place(self._source, member.offset))
        self._open.add(member, name.whole, body, self._options)

    def end(self) -> Iterator[Output]:
        """Yield what is left at the end of the tar: halves, and records in pieces."""
        yield from self._settle()
        yield from self._end_of_family()
        families: dict[str, list[TarRecord]] = {}
        for record in self._waiting.values():
            families.setdefault(record.family, []).append(record)
        for records in families.values():
            joined = TarRecord.joined(records)
            closed = joined.close(self._options)
            fields = any(not record.middle or record.middle in self._common for record in records)
            one = len(records) > 1 and not records[0].beside_a_pair and not self._last_dot
            if one and (isinstance(closed, Row) or fields):
                yield from self._closed(joined, closed)
                continue
            for record in records:
                yield from self._half(record, records)

    def _begun(self, key: str, family: str, place: Place) -> TarRecord:
        if hash(key) in self._gone:
            raise InputError(
                f"{self._source}: the files of {printable(key)} stand far apart; the files of a "
                "key must stand together, as `tar --sort=name` writes them"
            )
        record = self._waiting.pop(key, None)
        if record is not None:
            self._bytes -= record.size
            return record
        return TarRecord(key, family, place)

    def _settle(self) -> Iterator[Output]:
        """Close the open record: it is complete, or waits for its other half."""
        record, self._open = self._open, None
        if record is None:
            return
        if len(self._seen) >= MIDDLES and record.middle not in self._seen:
            pass  # not a field's name; keeps memory bounded
        elif self._seen.setdefault(record.middle, record.family) != record.family:
            self._common.add(record.middle)
        closed = record.close(self._options)
        if isinstance(closed, Rejected) and closed.reason in HALVES:
            if not record.is_of_pairs:
                yield from record.all_ignored()
                return
            self._halves.append(record)
            self._waiting[record.key] = record
            self._bytes += record.size
            while self._bytes > WAITING_BYTES:
                oldest = next(iter(self._waiting.values()))
                self._no_longer(oldest)
                self._halves = [half for half in self._halves if half is not oldest]
                if not oldest.is_a_field:
                    self._gone.add(hash(oldest.key))
                yield from self._half(oldest, [oldest])
            return
        self._whole.add(record.middle)
        self._last_dot = self._last_dot or record.middle != ""
        yield from self._closed(record, closed)

    def _end_of_family(self) -> Iterator[Output]:
        """Judge the halves of a family that stood together."""
        halves = [half for half in self._halves if self._waiting.get(half.key) is half]
        if self._whole:
            for record in halves:
                record.beside_a_pair = True
                # More fields of a record, unless the other half stands behind another family.
                record.is_a_field = "" in self._whole or record.middle in self._common
        elif len(halves) > 1 and not self._last_dot:
            joined = TarRecord.joined(halves)
            closed = joined.close(self._options)
            if isinstance(closed, Row):
                for record in halves:
                    self._no_longer(record)
                yield from self._closed(joined, closed)
        self._whole, self._halves = set(), []

    def _no_longer(self, record: TarRecord) -> None:
        del self._waiting[record.key]
        self._bytes -= record.size

    def _half(self, record: TarRecord, family: Sequence[TarRecord]) -> Iterator[Output]:
        """Handle a record without another half: it is a field of its family, or rejected."""
        if record.is_a_field or (record.beside_a_pair and record.middle in self._common):
            yield from record.all_ignored()
            return
        closed = record.close(self._options)
        if isinstance(closed, Rejected) and record.middle and not closed.detail:
            names = [one.middle + field for one in family for field in one.fields]
            detail = f"of {printable(record.family)} there is {listed(names)}"
            yield Rejected(closed.place, closed.reason, detail, closed.key, closed.first_bytes)
        else:
            yield closed

    def _closed(self, record: TarRecord, closed: Row | Rejected) -> Iterator[Output]:
        yield closed
        if isinstance(closed, Row):
            yield from record.left_over(self._options)


READER = READERS.add(
    "webdataset", Reader("a WebDataset (.tar, .tar.gz)", read, suffixes=("tar", "tgz"))
)
