"""The manifest of a release: its files with their digests, and everything to say about it."""

import concurrent.futures
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from components.release.gates import Decision, GateResult
from schema.config.section import Frozen
from schema.errors import InputError

FILE = "release.json"
Seconds = Annotated[float, Field(ge=0, lt=250_000_000_000)]  # since 1970, to the year 9892
MOST_BYTES = 1 << 28  # of a manifest; a longer one was not written here


class Manifest(Frozen):
    """The content of `release.json`."""

    release: int
    """Its number; 0 while it has none."""

    pipeline: str
    """Name of the config that made it."""

    run: str
    """Id of the run that made it."""

    created: Seconds
    """When it was made."""

    model_digest: str
    """Digest of the three models; the same model is never released twice."""

    baseline: int | None
    """The release it was compared with."""

    gates: tuple[GateResult, ...]
    """The result of every gate."""

    data: dict[str, str]
    """Span, version and fingerprint of the data."""

    config: dict[str, str | int | float | bool | None]
    """The config, flattened: `training.epochs: 32`."""

    metrics: dict[str, float]
    """Over all queries."""

    curves: dict[str, tuple[tuple[int, float], ...]]
    """(step, value) of the training, by name."""

    files: dict[str, str]
    """SHA-256 by path below the release."""

    empty_folders: tuple[str, ...] = ()
    """Paths of empty folders; a SavedModel has some."""

    @property
    def passed(self) -> bool:
        """Whether every gate held."""
        return self.decision.passed

    @property
    def decision(self) -> Decision:
        """Whether it might become champion when it was made."""
        return Decision.of(self.baseline, self.gates)

    def numbered(self, number: int, before: str, models: tuple[str, ...]) -> "Manifest":
        """Return the manifest of the release once its models lie in `joint/7`, not `joint/new`."""

        def renamed(name: str) -> str:
            parts = name.split("/")
            if parts[0] in models and parts[1:2] == [before]:
                parts[1] = str(number)
            return "/".join(parts)

        return self.model_copy(
            update={
                "release": number,
                "files": {renamed(name): value for name, value in self.files.items()},
                "empty_folders": tuple(map(renamed, self.empty_folders)),
            }
        )


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder by its path, but for a manifest.

    Raises:
        InputError: an entry is neither a file nor a folder, or cannot be read; names it.
    """
    files, _ = entries(folder)
    return digests_of(folder, files)


def entries(folder: Path) -> tuple[list[str], list[str]]:
    """Return the paths of all files and of all empty folders below a folder, in order.

    The manifest itself is left out.

    Raises:
        InputError: an entry is a link, a pipe or a device, or a folder cannot be read; names it.
    """
    files, empty = [], []
    for name, is_folder in _walk(folder, ""):
        if is_folder:
            empty.append(name)
        elif name != FILE:
            files.append(name)
    return sorted(files), sorted(empty)


def _walk(folder: Path, inside: str) -> Iterator[tuple[str, bool]]:
    """Yield (path, False) for files and (path, True) for empty folders."""
    try:
        with os.scandir(folder / inside) as scan:
            entries_here = list(scan)
    except OSError as error:
        raise InputError(f"{folder / inside}: cannot be read: {error.strerror}") from error
    if inside and not entries_here:
        yield inside, True
    for entry in entries_here:
        name = f"{inside}/{entry.name}" if inside else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, name)
        elif entry.is_file(follow_symlinks=False):
            yield name, False
        else:
            kind = "a link" if entry.is_symlink() else "not a plain file"
            raise InputError(f"{folder}: {name} is {kind}; a release holds plain files only")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def digests_of(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the SHA-256 of some files below a folder by their names.

    They are read in threads: hashing does not hold Python's lock.

    Raises:
        InputError: one cannot be read; names it.
    """
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip(names, pool.map(lambda name: digest(folder / name), names), strict=True))


def combined(files: dict[str, str]) -> str:
    """Make one digest of several."""
    lines = "".join(f"{name} {files[name]}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def read(release: Path) -> Manifest:
    """Read the manifest of a release.

    Raises:
        InputError: it is missing, or cannot be read.
    """
    path = release / FILE
    try:
        if path.is_symlink() or (not path.is_file() and path.exists()):
            raise InputError(f"{path}: is not a plain file")
        with path.open("rb") as file:
            return Manifest.model_validate_json(file.read(MOST_BYTES))
    except FileNotFoundError:
        raise InputError(f"{release}: is not a release; {FILE} is missing") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is damaged and cannot be read") from error


def verify(
    release: Path, manifest_digest: str | None = None, number: int | None = None
) -> Manifest:
    """Compare everything below a release with its manifest: exactly these files, and no links.

    Args:
        release: its folder.
        manifest_digest: SHA-256 of the manifest itself, as the audit log keeps it.
        number: of the release; default: what the manifest says.

    Raises:
        InputError: names the first file or folder that is missing, changed, added, or a link.
    """
    try:
        if release.is_symlink():
            raise InputError(f"{release}: is a link; a release holds plain files only")
    except OSError as error:
        raise InputError(f"{release}: cannot be read: {error.strerror}") from error
    content = read(release)
    if manifest_digest is not None and digest(release / FILE) != manifest_digest:
        raise InputError(f"{release / FILE}: differs from what the audit log recorded")
    if number is not None and content.release != number:
        raise InputError(f"{release}: holds release {content.release}, not {number}")
    files, empty = entries(release)
    for name in sorted(content.files.keys() - set(files)):
        raise InputError(f"{release}: the file {name} is missing")
    for name in sorted(set(files) - content.files.keys()):
        raise InputError(f"{release}: the file {name} was added after its release")
    for name in sorted(set(empty) - set(content.empty_folders)):
        raise InputError(f"{release}: the folder {name} was added after its release")
    for name in sorted(set(content.empty_folders) - set(empty)):
        raise InputError(f"{release}: the folder {name} is missing")
    for name, value in digests_of(release, files).items():
        if value != content.files[name]:
            raise InputError(f"{release}: the file {name} was changed after its release")
    return content
