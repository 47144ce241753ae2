"""A record of a tar: the members with one key."""

import dataclasses
import posixpath
import tarfile
from collections.abc import Iterator, Sequence

from components.example_gen.images.formats import is_image
from components.example_gen.readers.parsing.encoding import bytes_as_utf8
from components.example_gen.readers.parsing.file_kinds import (
    OTHER_SUFFIXES,
    SNIFFED,
    Kind,
    by_suffix,
    caption_files,
    counted_as,
    stem_of,
    suffix_of,
)
from components.example_gen.readers.parsing.limits import MAX_TEXT_BYTES
from components.example_gen.readers.parsing.metadata import fields_of
from components.example_gen.readers.registry import ReadOptions
from components.example_gen.readers.tar.members import Body
from components.example_gen.rows import (
    FIRST_BYTES,
    Ignored,
    Place,
    Rejected,
    Row,
    UnusableError,
    as_unusable,
)
from components.example_gen.storage.urls import folded, printable
from schema.errors import InputError

OVERHEAD = 1 << 10  # bytes in memory of a member beside its body, about
SHOWN = 6  # names of files in a sentence


@dataclasses.dataclass(frozen=True)
class Name:
    """A member's name: whole, without its last suffix, and up to the first dot."""

    whole: str
    stem: str
    family: str

    @classmethod
    def of(cls, path: str) -> "Name":
        """Return the names of a path in a tar, in the spelling that names are compared in."""
        folder, _, base = path.rpartition("/")
        if "./" in path or "//" in path:
            folder = posixpath.normpath(folder) if folder else ""
        start = "" if folder in ("", ".") else f"{folder}/"
        dot = base.rfind(".") + 1
        names = (base[:dot] + base[dot:].lower(), stem_of(base), base.partition(".")[0])
        return cls(*(folded(start + name) for name in names))


@dataclasses.dataclass(frozen=True)
class Part:
    """A member, read as far as it is needed; `sniffed`: recognised by its bytes, not its suffix."""

    kind: Kind
    body: bytes
    sniffed: bool = False


class TarRecord:
    """Members with one key, as they come; a part is named by what follows the key."""

    def __init__(self, key: str, family: str, place: Place):
        self.key, self.family, self.place = key, family, place
        self.beside_a_pair = False  # whether another record of its family is complete
        self.is_a_field = False  # whether it counts as fields of that record
        self._parts: dict[str, Part] = {}
        self._error: UnusableError | None = None

    @classmethod
    def joined(cls, records: Sequence["TarRecord"]) -> "TarRecord":
        """Join records into one, whose key is the part of their names up to the first dot."""
        first = min(records, key=lambda record: record.place)
        whole = cls(first.family, first.family, first.place)
        for record in records:
            whole._parts |= record._parts
        return whole

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return sum(len(part.body) + OVERHEAD for part in self._parts.values())

    @property
    def fields(self) -> list[str]:
        """What follows the key in the names of its members, each with a dot before it."""
        return [name[len(self.key) :] for name in self._parts]

    @property
    def middle(self) -> str:
        """What stands between the first dot and the last one; empty if these are one."""
        return self.key[len(self.family) :]

    def add(
        self, member: tarfile.TarInfo, name: str, body: Body | None, options: ReadOptions
    ) -> None:
        """Take a member; of several faults the first one counts."""
        if self._error is None:
            try:
                self._parts[name] = self._part(member, name, body, options)
            except UnusableError as error:
                self._error = error

    def _part(
        self, member: tarfile.TarInfo, name: str, body: Body | None, options: ReadOptions
    ) -> Part:
        shown = printable(member.name)
        if is_unsafe(member.name):
            raise UnusableError("unsafe_name", shown)
        if body is None:
            raise UnusableError("not_a_file", shown)
        if name in self._parts:
            raise UnusableError("repeated_name", shown)
        kind, head = by_suffix(name), b""
        sniffed = kind is None
        if kind is None:
            head = body.read(SNIFFED)
            kind = "image" if is_image(head) else "other"
        if kind == "other":
            return Part(kind, b"")  # not used, so not read
        if kind == "image" and member.size > options.max_bytes:
            raise UnusableError("too_many_bytes", f"{shown}: {member.size} bytes")
        if kind == "text" and member.size > MAX_TEXT_BYTES:
            raise UnusableError("bad_metadata", f"{shown}: {member.size} bytes")
        if self.size + member.size > options.max_bytes + MAX_TEXT_BYTES:
            raise UnusableError("too_many_bytes", f"{shown} and the files of the same key")
        whole = head + body.read()
        return Part(kind, bytes_as_utf8(whole) if kind == "text" else whole, sniffed)

    def close(self, options: ReadOptions) -> Row | Rejected:
        """Return the row that the members make, or its rejection."""
        parts, known_as = self._by_field(), printable(self.key)
        try:
            if self._error is not None:
                raise self._error
            image = parts[_image(parts, options)].body
            texts = {field: part.body for field, part in parts.items() if part.kind == "text"}
            meta = _one([field for field in texts if suffix_of(f"x.{field}") == "json"])
            captions = _captions([field for field in texts if field != meta], options)
            fields = fields_of(
                {} if meta is None else {"json": texts[meta]},
                tuple(texts[field] for field in captions),
                options,
            )
        except InputError:
            raise  # of the whole tar
        except Exception as error:
            fault = as_unusable(error)
            bodies = sorted((p.kind != "image", n) for n, p in enumerate(parts.values()))
            first = list(parts.values())[bodies[0][1]].body if bodies else b""
            head = first[:FIRST_BYTES]
            return Rejected(self.place, fault.reason, fault.detail, known_as, head)
        return Row(self.place, image=image, key=known_as, **fields)

    def left_over(self, options: ReadOptions) -> Iterator[Ignored]:
        """Yield the members that the row does not use."""
        parts = self._by_field()
        image = _image(parts, options)
        for field, part in parts.items():
            if part.kind == "other" or (part.kind == "image" and field != image):
                yield Ignored(counted_as(f"x.{field}"))

    def _by_field(self) -> dict[str, Part]:
        return {name[len(self.key) + 1 :].lower(): part for name, part in self._parts.items()}

    def all_ignored(self) -> Iterator[Ignored]:
        """Yield every member of a record that makes no row."""
        for name in self._parts:
            yield Ignored(counted_as(name))

    @property
    def is_of_pairs(self) -> bool:
        """Whether it has an image, a text about one, or a fault."""
        kinds = {part.kind for part in self._parts.values()}
        return self._error is not None or kinds != {"other"}


def is_unsafe(name: str) -> bool:
    """Return whether a member's name leads out of the tar."""
    return name.startswith("/") or ".." in name.split("/")


def listed(fields: Sequence[str]) -> str:
    """Return a text that lists some files of a record, by what follows its key."""
    more = ", ..." if len(fields) > SHOWN else ""
    return ", ".join(map(printable, fields[:SHOWN])) + more


def _image(parts: dict[str, Part], options: ReadOptions) -> str:
    """Return which part is the image: the named one, else the only one of the plainest kind."""
    named = options.columns.image
    images = [field for field, part in parts.items() if part.kind == "image"]
    if named is not None:
        if named.lower() in images:
            return named.lower()
        raise UnusableError("no_image", f"there is no .{named} in {listed(_dotted(parts))}")

    def oddness(field: str) -> tuple[bool, bool, bool]:
        return parts[field].sniffed, "." in field, suffix_of(f"x.{field}") in OTHER_SUFFIXES

    if not images:
        raise UnusableError("no_image")
    plainest = min(map(oddness, images))
    candidates = [field for field in images if oddness(field) == plainest]
    if len(candidates) > 1:
        detail = f"{listed(_dotted(candidates))}: name one in data.columns.image"
        raise UnusableError("several_images", detail)
    return candidates[0]


def _captions(texts: Sequence[str], options: ReadOptions) -> list[str]:
    """Return which parts are captions: the named ones, else the plain one, else the only one."""
    named = options.columns.captions or ()
    names = [named] if isinstance(named, str) else named
    chosen = [name.lower() for name in names if name.lower() in texts]
    if chosen:
        return chosen
    if plain := caption_files(texts):
        return plain
    if len(texts) > 1:
        detail = f"{listed(_dotted(texts))}: name some in data.columns.captions"
        raise UnusableError("no_caption", detail)
    return list(texts)


def _one(fields: Sequence[str]) -> str | None:
    return "json" if "json" in fields else fields[0] if len(fields) == 1 else None


def _dotted(fields: Sequence[str] | dict[str, Part]) -> list[str]:
    return [f".{field}" for field in fields]
