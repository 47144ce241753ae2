"""List what a folder holds, by what could be data in it."""

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.example_gen.readers.parsing.file_kinds import by_suffix, is_hidden, stem_of
from components.example_gen.readers.parsing.folder_metadata import METADATA
from components.example_gen.readers.registry import READERS
from components.example_gen.storage.urls import printable
from schema.errors import InputError
from schema.system import file_errors
from schema.text.messages import number_of

MOST_FILES = 500_000  # that are listed; a folder with more is judged by these
JSON = ".json"  # a sidecar, COCO captions or JSON Lines


@dataclasses.dataclass
class Listing:
    """The files of a folder, as paths from there on, sorted; hidden ones are left out.

    Attributes:
        folder: absolute.
        images: by their suffix.
        texts: sidecars of any kind, `.json` among them.
        metadata: Hugging Face's files beside images.
        tables: files that readers recognise by their suffix, by the name of the reader.
        others: the rest.
        is_whole: whether there are no more than `MOST_FILES`.
    """

    folder: Path
    images: list[str] = dataclasses.field(default_factory=list)
    texts: list[str] = dataclasses.field(default_factory=list)
    metadata: list[str] = dataclasses.field(default_factory=list)
    tables: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    others: list[str] = dataclasses.field(default_factory=list)
    is_whole: bool = True

    @property
    def captioned(self) -> int:
        """How many images have a text of the same name beside them."""
        beside = {stem_of(name) for name in self.texts}
        return sum(stem_of(name) in beside for name in self.images)

    @property
    def jsons(self) -> list[str]:
        """The files in JSON."""
        return [name for name in self.texts if name.lower().endswith(JSON)]


def list_folder(folder: Path) -> Listing:
    """List a folder; where it holds nothing but another folder, that one.

    Raises:
        InputError: it is not a folder, may not be read, or its name is not UTF-8.
    """
    shown = printable(str(folder))
    if re.match("[A-Za-z][A-Za-z0-9+.-]*:/", str(folder)):  # of `://` a path keeps one slash
        raise InputError(
            f"{shown}: init looks at folders of this machine; copy a part of the data here, and "
            "set data.path afterwards"
        )
    if not os.path.isdir(folder):  # noqa: PTH112  pathlib raises below a folder that is closed
        what = "is not a folder; name the folder that the data is in"
        raise InputError(f"{shown}: {what if os.path.lexists(folder) else 'no such folder'}")
    if shown.encode() != os.fsencode(folder):
        raise InputError(f"{shown}: the name of a folder is not UTF-8; give it another one")
    folder = Path(os.path.realpath(folder))
    while (inner := _only_folder(folder)) is not None:
        folder = inner
    listing = Listing(folder)
    for number, name in enumerate(_walk(folder)):
        if number >= MOST_FILES:
            listing.is_whole = False
            break
        _sort_in(listing, name)
    for names in (listing.images, listing.texts, listing.metadata, *listing.tables.values()):
        names.sort()
    return listing


def described(listing: Listing) -> str:
    """Say what a folder holds: '3 images and 2 other files, such as a.pdf'."""
    parts = [number_of(len(listing.images), "image")] if listing.images else []
    rest = [*listing.others, *listing.texts, *(n for ns in listing.tables.values() for n in ns)]
    if rest:
        parts.append(f"{number_of(len(rest), 'other file')}, such as {printable(min(rest))}")
    return " and ".join(parts) or "nothing"


def _only_folder(folder: Path) -> Path | None:
    entries = [entry for entry in _entries(folder) if not is_hidden(entry.name)]
    if len(entries) == 1 and entries[0].is_dir(follow_symlinks=False):
        return Path(entries[0].path)
    return None


def _walk(folder: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder; links to folders are not followed."""
    waiting = [("", True)]  # paths, and whether each is a folder; the next one is the last
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
            continue
        inner = [
            (f"{path}/{entry.name}" if path else entry.name, entry.is_dir(follow_symlinks=False))
            for entry in sorted(_entries(folder / path), key=lambda entry: entry.name)
            if not is_hidden(entry.name)
        ]
        waiting += reversed(inner)


def _entries(folder: Path) -> Sequence[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        shown = printable(file_errors.shortened(folder))
        raise InputError(f"{shown}: {error.strerror or error}") from error


def _sort_in(listing: Listing, name: str) -> None:
    base = name.rpartition("/")[2]
    if base in METADATA:
        listing.metadata.append(name)
        return
    for format_name, reader in READERS.items():
        if reader.has_suffix(base, reader.suffixes):
            listing.tables.setdefault(format_name, []).append(name)
            return
    kind = by_suffix(name)
    places = {"image": listing.images, "text": listing.texts}
    places.get(kind or "", listing.others).append(name)
