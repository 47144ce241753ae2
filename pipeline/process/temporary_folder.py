"""Give every process a temporary folder, also for its libraries, and remove it at the end."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

PREFIX = "diptych-scratch-"
VARIABLE = "TMPDIR"  # for libraries and children


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Have all temporary files made in one folder, which is removed with this process.

    If this process is killed, the next one on this machine removes the folder.
    """
    parent = tempfile.gettempdir()
    remove(abandoned())
    before = os.environ.get(VARIABLE)
    made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))
    mark = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(mark, fcntl.LOCK_EX)
    # It has this name only with the lock, so that nobody takes it for one of a dead process.
    folder = made.rename(made.with_name(made.name.removeprefix(".")))
    os.environ[VARIABLE] = tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = parent
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        remove([folder])
        os.close(mark)


def abandoned() -> list[Path]:
    """List the folders of processes that ended without removing them."""
    folders = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):  # somebody else's, just removed, or of a living process
            mark = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if os.fstat(mark).st_uid == os.getuid():
                    fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    folders.append(folder)
            finally:
                os.close(mark)
    return folders


def remove(folders: Iterable[Path]) -> None:
    """Remove folders; what cannot be removed stays."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
