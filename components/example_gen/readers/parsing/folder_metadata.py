"""Hugging Face's metadata files: which image of a folder each row describes.

An image is described by the nearest such file: the one in its own folder, or else in the next
folder above it that has one.
"""

import dataclasses
import posixpath
from collections.abc import Iterator, Sequence
from typing import Final

from components.example_gen.readers.parsing.file_kinds import stem_of
from components.example_gen.readers.registry import READERS, ReadOptions
from components.example_gen.rows import Ignored, Rejected, Row
from components.example_gen.storage import listing, urls
from components.example_gen.storage.urls import by_folded, folded, normal, printable, shown
from schema.errors import InputError

# The names of such files, and which reader is for them.
METADATA: Final = {
    "metadata.csv": "csv",
    "metadata.jsonl": "jsonl",
    "metadata.parquet": "parquet",
}
REPLACED = "rows of a metadata file with a nearer one"


def files_above(folder: str, options: ReadOptions) -> list[str]:
    """Return the nearest metadata file above a folder, up to the data's own folder.

    Raises:
        InputError: there are two in one folder.
    """
    here = normal(urls.plain(folder))
    top = normal(urls.plain(options.root)) if options.root else here
    if not f"{here}/".startswith(f"{top.rstrip('/')}/"):
        return []  # the folder is elsewhere
    while True:
        there = [address for name in METADATA if listing.exists(address := urls.join(here, name))]
        if there:
            _only_one(there)
            options.access.allowed.check(there[0])
            return there if here != normal(urls.plain(folder)) else []
        if here == top:
            return []
        here = urls.parent(here)


def _only_one(metadata: Sequence[str]) -> None:
    if len(metadata) > 1:
        one, other = metadata[:2]
        raise InputError(f"{shown(one)} and {shown(other)}: one of them is too many")


class Described:
    """The rows of all metadata files that describe images of a folder.

    Args:
        folder: of the images.
        images: their paths from the folder on.
        metadata: the metadata files in it, likewise.
        above: the address of the one above it, if any.
        options: names of the columns and attributes.
    """

    def __init__(
        self,
        folder: str,
        images: Sequence[str],
        metadata: Sequence[str],
        above: Sequence[str],
        options: ReadOptions,
    ):
        self._folder, self._options = normal(urls.plain(folder)), options
        self._there, self._spelled = set(images), by_folded(images)
        by_folder: dict[str, list[str]] = {}
        for path in metadata:
            by_folder.setdefault(posixpath.dirname(path), []).append(urls.join(folder, path))
        for files in by_folder.values():
            _only_one(files)
            options.access.allowed.check(files[0])
        # The deepest first: files above do not describe their images again.
        self._files = [
            *sorted(
                (files[0] for files in by_folder.values()), key=lambda address: -address.count("/")
            ),
            *above,
        ]
        self._above = set(above)
        self.images: set[str] = set()  # that have a row
        self.ignored: list[str] = []  # what else was skipped, by kind

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the rows of all files, those of the deepest folders first."""
        for file in self._files:
            nearer = set(self.images)
            rows = self._of_this_folder(file) if file in self._above else self._all(file)
            for row in rows:
                name = self._name(row)
                if name is not None and name in nearer:
                    self.ignored.append(REPLACED)
                else:
                    yield self._resolved(row, name, file)

    def _all(self, file: str) -> Iterator[Row | Rejected]:
        reader = READERS[METADATA[urls.name(file)]]
        for part in range(reader.parts(file, self._options)):
            for row in reader.read(file, part, self._options):
                if not isinstance(row, Ignored):
                    yield row

    def _of_this_folder(self, file: str) -> Iterator[Row | Rejected]:
        """Yield the rows of a file above whose images are below the folder.

        A line that names no image is of the folder that the line before it is of, so that it is
        counted once though a reader of each split comes by.
        """
        ours: bool | None = None
        waiting: list[Row | Rejected] = []
        for row in self._all(file):
            if row.image_path is not None:
                ours = self._below(row.image_path) is not None
            elif isinstance(row, Row):
                ours = True  # the image is in the row
            if ours is None:
                waiting.append(row)
            elif ours:
                yield from waiting
                yield row
            if ours is not None:
                waiting = []

    def _below(self, address: str) -> str | None:
        """Return the path below the folder, None for an image that is not in it."""
        address, start = normal(address), f"{self._folder.rstrip('/')}/"
        return address.removeprefix(start) if address.startswith(start) else None

    def _name(self, row: Row | Rejected) -> str | None:
        """Return the image of a row, as it is spelled in the folder; None if it is not there."""
        below = None if row.image_path is None else self._below(row.image_path)
        if below is None or below in self._there:
            return below
        return self._spelled.get(folded(below))

    def _resolved(self, row: Row | Rejected, name: str | None, file: str) -> Row | Rejected:
        if name is None and isinstance(row, Row) and row.image_path is not None:
            meant = self._meant(row.image_path, file)
            if meant is not None:
                self.images.add(meant)
                detail = (
                    f"{shown(normal(row.image_path))} is not there, but "
                    f"{shown(urls.join(self._folder, meant))} is: names start from the folder "
                    f"of {urls.name(file)}"
                )
                return Rejected(row.place, "missing_image", detail, row.known_as)
        if name is not None:
            self.images.add(name)
        key = self._key(name, row)
        if isinstance(row, Rejected):
            return dataclasses.replace(row, key=key or row.key)
        path = row.image_path if name is None else urls.join(self._folder, name)
        column = row.key_column if self._options.columns.named_key else ""
        return dataclasses.replace(row, image_path=path, key=key, key_column=column)

    def _key(self, name: str | None, row: Row | Rejected) -> str | None:
        """Return the path below the folder without suffix, or an outside image's whole address."""
        if self._options.columns.named_key is not None or row.image_path is None:
            return row.key
        path = name or self._below(row.image_path) or normal(row.image_path)
        return printable(folded(stem_of(path)))

    def _meant(self, address: str, file: str) -> str | None:
        """Return an image whose name would be right from a folder above the metadata file's."""
        folder = normal(urls.parent(file))
        start = f"{folder.rstrip('/')}/"
        if not normal(address).startswith(start):
            return None
        relative = normal(address).removeprefix(start)
        for _ in range(relative.count("/")):
            folder = urls.parent(folder)
            below = self._below(urls.join(folder, relative)) or ""
            name = below if below in self._there else self._spelled.get(folded(below))
            if name is not None:
                return name
        return None
