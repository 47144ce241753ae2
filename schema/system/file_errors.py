"""Describe in one sentence why a file, a folder or a disk cannot be used.

The operating system's errors reach us as OSError, as the text of TensorFlow, SQLite or Arrow, and
as the text of a traceback from another process; all of them are recognised here.
"""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from schema.system import disk

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# No other error is the reason why one of these came up, so an error that followed is not.
_ROOT_CAUSES = (*FULL, errno.EROFS, errno.EIO)
_KNOWN = (
    *_ROOT_CAUSES,
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.ESTALE),
)
_BY_TEXT = {os.strerror(code): code for code in _KNOWN}
_TEXTS = "|".join(map(re.escape, _BY_TEXT))
_OF_PYTHON = re.compile(rf"\[Errno \d+\] ({_TEXTS})(?:: '([^'\n]*)')?")
_OF_TENSORFLOW = re.compile(rf"(/[^\n;:]*); ({_TEXTS})")
_OF_PATHLIB = re.compile(r"Symlink loop from '(.*)'")
_OF_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EACCES,
    "disk I/O error": errno.EIO,
}
_SHOWN = 200  # characters of a path


def sentence(error: BaseException) -> str | None:
    """Describe the file or disk of an error and what to do; None: it is about none."""
    for one, is_cause in _chain(error):
        fault = _fault(one)
        if fault is not None and (is_cause or fault[0] in _ROOT_CAUSES):
            return _worded(*fault)
    return None


def is_about_space(error: BaseException) -> bool:
    """Whether an error, or one behind it, says that a disk or a quota is used up."""
    faults = (_fault(one) for one, _ in _chain(error))
    return any(fault is not None and fault[0] in FULL for fault in faults)


def _chain(error: BaseException) -> Iterator[tuple[BaseException, bool]]:
    """Yield an error and those behind it, and whether each one was raised as a cause."""
    seen: BaseException | None = error
    is_cause = True
    while seen is not None:
        yield seen, is_cause
        is_cause = is_cause and seen.__cause__ is not None
        seen = seen.__cause__ or seen.__context__


def _fault(error: BaseException) -> tuple[int, str | None] | None:  # noqa: PLR0911  a library each
    """Return the number of a file's error and its path; None: it is another error."""
    if isinstance(error, OSError) and error.errno is not None:
        path = error.filename2 or error.filename
        if isinstance(path, bytes | os.PathLike | str):
            return (error.errno, os.fsdecode(path)) if error.errno in _KNOWN else None
        return (error.errno, None) if error.errno in _ROOT_CAUSES else None
    text = str(error)
    if match := _OF_PYTHON.search(text):
        code = _BY_TEXT[match[1]]
        return (code, match[2]) if match[2] or code in _ROOT_CAUSES else None
    if match := _OF_TENSORFLOW.search(text):
        return _BY_TEXT[match[2]], match[1]
    if match := _OF_PATHLIB.search(text):
        return errno.ELOOP, match[1]
    for words, code in _OF_SQLITE.items():
        if words in text:
            return code, None
    code = next((_BY_TEXT[t] for t in _BY_TEXT if _BY_TEXT[t] in FULL and t in text), 0)
    return (code, None) if code else None


def _worded(code: int, path: str | None) -> str:
    if code in FULL:
        reason = _full(code, path)
        return reason if path is None else f"{shortened(path)}: cannot be written: {reason}"
    if path is None:
        return f"a file cannot be read or written: {os.strerror(code).lower()}"
    return f"{shortened(path)}: {_reason(code, Path(path))}"


def _full(code: int, path: str | None) -> str:
    if code == errno.EFBIG:
        return "a file would be larger than this process may make one; raise the limit (ulimit -f)"
    left = disk.fullest() if path is None else disk.space(Path(path))
    if left is None:
        return f"the output or a file cannot be written: {os.strerror(code).lower()}"
    # What had been written may be removed again by now, so this need not be nothing.
    used_up = "the space" if code == errno.ENOSPC else "this user's quota"
    return (
        f"{used_up} of the disk {left.mount} is used up (now {left}); free some there, and start "
        "the same command again"
    )


def _reason(code: int, path: Path) -> str:  # noqa: PLR0911  an error each
    match code:
        case errno.EACCES | errno.EPERM:
            return _denied(path)
        case errno.ENOENT if path.is_symlink():
            return f"is a link to {os.readlink(path)}, which is not there"
        case errno.ENOENT if not os.path.exists(path.absolute().parent):
            above = disk.existing(path.absolute().parent)
            missing = above / path.absolute().relative_to(above).parts[0]
            return f"cannot be used: the folder {shortened(missing)} is not there"
        case errno.ENOENT:
            return "is not there"
        case errno.ENOTDIR | errno.EEXIST:
            above = next((p for p in (*reversed(path.parents), path) if p.is_file()), path)
            return f"cannot be used: {shortened(above)} is a file where a folder is expected"
        case errno.EISDIR:
            return "is a folder where a file is expected"
        case errno.ENAMETOOLONG:
            return "the name is too long for the file system"
        case errno.ELOOP:
            return "its links lead round in a circle"
        case errno.EROFS:
            mount = disk.mount_point(disk.existing(path))
            return f"cannot be written: the disk {mount} is mounted read-only; choose another"
        case errno.EMFILE | errno.ENFILE:
            return "cannot be opened: too many files are open; raise the limit (ulimit -n)"
    return f"cannot be used: {os.strerror(code).lower()}"


def _denied(path: Path) -> str:
    """Describe which permission is missing, and where."""
    user = f"this user (uid {os.geteuid()})"
    for folder in reversed(path.absolute().parents):
        if os.path.isdir(folder) and not os.access(folder, os.X_OK):
            return f"cannot be used: {user} may not enter the folder {shortened(folder)}"
    if os.path.lexists(path):
        if not os.access(path, os.R_OK):
            return f"cannot be read: {user} may not read it; change its permissions"
        if not os.access(path, os.W_OK):
            return f"cannot be written: {user} may not write it; change its permissions"
    folder = disk.existing(path.absolute().parent)
    if not os.access(folder, os.W_OK):
        return f"cannot be written: {user} may not write into the folder {shortened(folder)}"
    return "cannot be used: permission denied"


def shortened(path: str | Path) -> str:
    """Return a path for a sentence: the beginning and the end of one that is very long."""
    text = str(path)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"
