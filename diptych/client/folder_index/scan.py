"""List the images below a folder, with what tells whether one has changed."""

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from components.example_gen.readers.parsing.file_kinds import by_suffix, is_hidden
from diptych.client.images import reason
from schema.errors import InputError
from schema.system import file_errors
from schema.text.untrusted_text import for_people

_Identity = tuple[int, int]  # device and inode


class Fingerprint(NamedTuple):
    """What changes when somebody writes a file."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Fingerprint":
        """Return the fingerprint of a file by its status."""
        return cls(status.st_size, status.st_mtime_ns)


class Scan(NamedTuple):
    """What is below a folder.

    Attributes:
        files: fingerprints of the images by their paths below the folder, in order.
        failures: why something that may be an image or hold some cannot be used, by its path.
    """

    files: dict[str, Fingerprint]
    failures: dict[str, str]

    def surely_gone(self, keys: Collection[str]) -> list[str]:
        """Return which of the files that are not there were deleted.

        The others may come back: below a folder that cannot be read, or where nothing is there at
        all, as where a disk is mounted later.
        """
        if not self.files:
            return []
        return [key for key in keys if self.failures.keys().isdisjoint(_above(key))]


class _Folder(NamedTuple):
    path: Path
    key: str  # the path below the root, with a slash at its end; empty for the root
    identity: _Identity
    above: frozenset[_Identity]  # of the folder itself and of those that it lies in


def scan(root: Path) -> Scan:
    """List the images below a folder; links are followed, and every folder is entered once.

    What is hidden, by a dot or two underscores in front, is left out, and so is what has the suffix
    of something else.

    Raises:
        InputError: the folder itself cannot be read.
    """
    try:
        identity = _identity(root.stat())
        with os.scandir(root):
            pass
    except (OSError, ValueError) as error:
        raise InputError(
            file_errors.sentence(error) or f"{root}: cannot be read: {error}"
        ) from error
    listing = _Listing()
    folders = [_Folder(root, "", identity, frozenset([identity]))]
    linked: list[_Folder] = []
    seen: set[_Identity] = set()
    while folders or linked:
        # Folders that are there by themselves come first, so that a link to one never replaces it.
        folder = folders.pop() if folders else linked.pop()
        if folder.identity in seen:
            continue
        seen.add(folder.identity)
        for entry, status in listing.entries(folder):
            key = f"{folder.key}{entry.name}"
            if not stat.S_ISDIR(status.st_mode):
                listing.add(key, status)
                continue
            identity = _identity(status)
            if identity in folder.above:
                listing.failures[key] = "its links lead round in a circle"
            else:
                inner = _Folder(Path(entry.path), f"{key}/", identity, folder.above | {identity})
                (linked if entry.is_symlink() else folders).append(inner)
    return Scan(dict(sorted(listing.files.items())), dict(sorted(listing.failures.items())))


class _Listing:
    def __init__(self) -> None:
        self.files: dict[str, Fingerprint] = {}
        self.failures: dict[str, str] = {}

    def entries(self, folder: _Folder) -> list[tuple[os.DirEntry[str], os.stat_result]]:
        """Return what is in a folder with the status of what links lead to, by name."""
        try:
            with os.scandir(folder.path) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self.failures[folder.key.rstrip("/")] = reason(error, folder.path)
            return []
        found = []
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if not _is_utf8(entry.name):
                shown = for_people(f"{folder.key}{entry.name}")
                self.failures[shown] = "its name is not UTF-8; rename it"
                continue
            try:
                found.append((entry, entry.stat()))
            except OSError as error:
                if by_suffix(entry.name) in ("image", None):
                    self.failures[f"{folder.key}{entry.name}"] = reason(error, Path(entry.path))
        return found

    def add(self, key: str, status: os.stat_result) -> None:
        if by_suffix(key) != "image":
            return
        if stat.S_ISREG(status.st_mode):
            self.files[key] = Fingerprint.of(status)
        else:
            self.failures[key] = "is not a plain file"


def _above(key: str) -> Iterator[str]:
    """Yield the folders that a file is in, below the root."""
    while key := key.rpartition("/")[0]:
        yield key


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
