"""Write files so that nobody sees half of one, whenever this process dies."""

import contextlib
import datetime
import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from schema.errors import InputError, UnavailableError
from schema.system import file_errors

INCOMING = ".incoming-"


def atomic_write(path: Path, text: str) -> None:
    """Replace a file in one step: a temporary sibling, flushed, renamed over it."""
    sibling = path.with_name(f"{INCOMING}{uuid.uuid4().hex}")
    try:
        sibling.write_text(text, encoding="utf-8")
        flush(sibling)
        sibling.rename(path)
        flush(path.parent)
    finally:
        with contextlib.suppress(OSError):  # the file may have been replaced by then
            sibling.unlink(missing_ok=True)


def create(path: Path) -> None:
    """Create an empty file, unless it is there."""
    path.touch()
    flush(path.parent)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()
    flush(path.parent)


def back_up(path: Path) -> None:
    """Copy a file, if it is there, to a sibling named by the time: 'log.before-20261126T070000'."""
    if path.exists():
        now = datetime.datetime.now()
        shutil.copy2(path, path.with_name(f"{path.stem}.before-{now:%Y%m%dT%H%M%S}{path.suffix}"))


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; a last line that a killed writer left unfinished is replaced.

    Raises:
        OSError: the line could not be written; the file is as it was.
    """
    data = line.encode() + b"\n"
    with path.open("a+b", buffering=0) as file:
        file.seek(0)
        finished = file.read().rpartition(b"\n")
        length = len(finished[0]) + len(finished[1])
        file.truncate(length)
        try:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(length)
            raise
    flush(path.parent)


def read_plain(path: Path) -> bytes:
    """Read a whole file; a pipe, on which reading might wait for ever, is an error.

    Raises:
        OSError: it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is not a plain file", str(path))
    return path.read_bytes()


def flush(path: Path) -> None:
    """Write a file, or the entries of a folder, through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """Write everything below a folder through to the disk, then the folder itself."""
    for path in sorted(folder.rglob("*")):
        flush(path)
    flush(folder)


@contextlib.contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """Make a new hidden folder to write into; it is removed afterwards unless it was renamed.

    It is locked for as long as its writer lives, so that `sweep` can tell it from litter.
    """
    sibling = folder / f"{INCOMING}{uuid.uuid4().hex}"
    descriptor = _new_and_locked(sibling)
    try:
        yield sibling
    finally:
        os.close(descriptor)
        shutil.rmtree(sibling, ignore_errors=True)


def _new_and_locked(folder: Path) -> int:
    """Make a folder and lock it; again, if it was swept away in between."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), folder.stat()):
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder."""
    for litter in folder.glob(f"{INCOMING}*"):
        if litter.is_file():
            litter.unlink(missing_ok=True)
            continue
        with contextlib.suppress(OSError), _locked(litter, os.O_RDONLY, fcntl.LOCK_NB):
            shutil.rmtree(litter, ignore_errors=True)


@contextlib.contextmanager
def exclusive(folder: Path, lock: str = ".lock") -> Iterator[None]:
    """Lock a folder against all other processes; the kernel unlocks it when the holder dies.

    Raises:
        InputError: the folder may not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = contextlib.ExitStack()
        held.enter_context(_locked(folder / lock, os.O_RDWR | os.O_CREAT))
    except OSError as error:
        raise not_written(folder, error) from error
    with held:
        yield


def not_written(path: Path, error: OSError) -> InputError:
    """Return the error for people that says why a file or folder could not be written."""
    named = OSError(error.errno, error.strerror or str(error), str(path))
    sentence = file_errors.sentence(named) or f"{path}: cannot be written: {named.strerror}"
    full = error.errno in file_errors.FULL
    return UnavailableError(sentence) if full else InputError(sentence)


@contextlib.contextmanager
def _locked(path: Path, flags: int, how: int = 0) -> Iterator[None]:
    descriptor = os.open(path, flags, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)
