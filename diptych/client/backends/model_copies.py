"""Keep the assets of a loaded SavedModel in a folder of this process's own.

A process that is killed leaves its folder behind. Each one is locked as long as its process lives,
and whoever makes the next one removes those that are not.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

ASSETS = "assets"  # of a SavedModel: the vocabulary
_PREFIX, _UNLOCKED = "diptych-model-", "diptych-new-model-"


class Copy(NamedTuple):
    """A folder, and the descriptor that holds its lock."""

    folder: Path
    lock: int


def make(model: Path) -> Copy:
    """Make a folder with copies of the assets of a SavedModel, and with links to the rest of it.

    Raises:
        OSError: there is no place for temporary files, or the model cannot be read.
    """
    new = Path(tempfile.mkdtemp(prefix=_UNLOCKED))
    lock = os.open(new, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _remove_left_behind(new.parent)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for entry in model.resolve().iterdir():
            if entry.name == ASSETS:
                shutil.copytree(entry, new / ASSETS)
            else:
                (new / entry.name).symlink_to(entry)
        # Only now it has a name by which others would look for it.
        return Copy(new.rename(new.with_name(new.name.replace(_UNLOCKED, _PREFIX))), lock)
    except OSError:
        remove(new, lock, os.getpid())
        raise


def remove(folder: Path, lock: int, process: int) -> None:
    """Remove a folder, but for the end of a fork, whose parent uses it still."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_left_behind(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it is another user's, or in use
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
