"""Measure the space on the disks of a run, and check that its files fit."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from schema.errors import UnavailableError
from schema.text.messages import number_of

TEMPORARY = "TMPDIR"  # the variable that says where temporary files go
WORKSPACE, RELEASES = "workspace", "push.path"  # keys of the config
FEW_FILES = 1000  # that can still be made are worth a word
_WRITTEN: ContextVar[Mapping[str, Path]] = ContextVar("written")


@dataclasses.dataclass(frozen=True)
class Space:
    """The free space of a file system for this user.

    Attributes:
        mount: its mount point.
        free: bytes.
        size: bytes in all.
        files: how many files may still be made; None: it sets no limit.
    """

    mount: Path
    free: int
    size: int
    files: int | None

    def __str__(self) -> str:
        free = f"{in_bytes(self.free)} of {in_bytes(self.size)} are free"
        if self.files is None or self.files >= FEW_FILES:
            return free
        return f"{free}, and {number_of(self.files, 'more file')} can be made (inodes)"


@dataclasses.dataclass(frozen=True)
class Need:
    """Files that will be written below a folder.

    Attributes:
        folder: need not exist yet.
        size: bytes.
        what: 'checkpoints'.
        files: how many.
    """

    folder: Path
    size: int
    what: str
    files: int = 1


def space(path: Path) -> Space:
    """Measure the file system that holds a path, which need not exist yet."""
    there = existing(path)
    status = os.statvfs(there)
    limit = status.f_favail if status.f_files else None
    return Space(
        mount_point(there),
        status.f_bavail * status.f_frsize,
        status.f_blocks * status.f_frsize,
        limit,
    )


def existing(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists and can be looked at."""
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            os.stat(place)
            return place
    return Path("/")


def mount_point(path: Path) -> Path:
    """Return where the file system of an existing path is mounted."""
    place = Path(os.path.realpath(path))
    while not os.path.ismount(place):
        place = place.parent
    return place


def require(needs: Iterable[Need]) -> None:
    """Check that all files fit; those on the same disk are added up.

    Raises:
        UnavailableError: names the disk, what it has free and what is needed.
    """
    by_disk: dict[int, list[Need]] = {}
    for need in needs:
        by_disk.setdefault(os.stat(existing(need.folder)).st_dev, []).append(need)
    for shared in by_disk.values():
        left, total = space(shared[0].folder), sum(need.size for need in shared)
        files = sum(need.files for need in shared)
        if left.free >= total and (left.files is None or left.files >= files):
            continue
        parts = " and ".join(
            f"{in_bytes(need.size)} for {need.what} in {need.folder}" for need in shared
        )
        raise UnavailableError(
            f"the disk {left.mount} is too full: {left}, and {in_bytes(total)} are needed: "
            f"{parts}; free some space there, or choose another disk"
        )


@contextlib.contextmanager
def written(folders: Mapping[str, Path]) -> Iterator[None]:
    """Note which folders are written to meanwhile, by the keys or variables that name them.

    A failed write does not say of itself on which disk it failed.
    """
    before = _WRITTEN.set(dict(folders))
    try:
        yield
    finally:
        _WRITTEN.reset(before)


def written_folders() -> dict[str, Path]:
    """Return what `written` noted, and the folder of temporary files."""
    return {**_WRITTEN.get({}), TEMPORARY: temporary()}


def temporary() -> Path:
    """Return the folder of temporary files.

    Raises:
        UnavailableError: none can be written, or not the one that TMPDIR names; Python would take
            another one without a word, and other libraries would not.
    """
    wanted = os.environ.get(TEMPORARY)
    try:
        used = Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise UnavailableError(
            f"no folder can be written that temporary files may go to; set {TEMPORARY} to one"
        ) from None
    if wanted and not (os.path.isdir(wanted) and os.path.samefile(used, wanted)):
        raise UnavailableError(
            f"{TEMPORARY} = {wanted}: {_why_not_written(wanted)}; set the variable {TEMPORARY} to "
            "another folder"
        )
    return used


def _why_not_written(folder: str) -> str:
    if not os.path.isdir(folder):
        return "there is no such folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this user (uid {os.geteuid()}) may not write into it"
    left = space(Path(folder))
    return f"no file can be written there, and on its disk {left.mount} {left}"


def fullest() -> Space | None:
    """Measure the disk with the least space among those that `written` noted; None: it did not."""
    if _WRITTEN.get(None) is None:
        return None
    spaces = [space(folder) for folder in written_folders().values()]
    return min(spaces, key=lambda one: (one.files != 0, one.free))


def in_bytes(size: int) -> str:
    """Write a number of bytes: '0.4 MB', '12 MB', '3.1 GB'."""
    if size >= 1e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
