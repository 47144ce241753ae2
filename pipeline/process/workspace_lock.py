"""Lock a workspace, so that two commands at once do not train everything twice."""

import contextlib
import datetime
import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.console import terminal
from schema.errors import InputError

FILE = "lock"


@contextlib.contextmanager
def locked(
    workspace: Path, command: str, wait: bool = False, tell: Callable[[str], None] = terminal.tell
) -> Iterator[None]:
    """Hold the lock of a workspace, which the kernel releases however this process ends.

    Args:
        workspace: made if it is not there.
        command: what is going to work in it, for whoever comes meanwhile.
        wait: until another command has ended.
        tell: called with the one that is waited for.

    Raises:
        InputError: another command works there.
        OSError: nothing can be written there.
    """
    file = workspace / FILE
    workspace.mkdir(parents=True, exist_ok=True)
    held = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = f"{_holder(file)} is running in {workspace}"
            if not wait:
                raise InputError(f"{other}; start this when it has ended, or with --wait") from None
            tell(f"waiting: {other}")
            fcntl.flock(held, fcntl.LOCK_EX)
        os.ftruncate(held, 0)
        os.pwrite(held, _me(command), 0)
        yield
    finally:
        os.close(held)


def _me(command: str) -> bytes:
    started = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    values = {
        "command": command,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": started,
    }
    return json.dumps(values).encode()


def _holder(file: Path) -> str:
    """Describe the holder: `diptych run` (process 12 on desk, since 2026-01-31 09:00:00+01:00)."""
    try:
        holder = json.loads(file.read_text(encoding="utf-8"))
        where = f"process {int(holder['pid'])} on {holder['host']}, since {holder['started']}"
        return f"`diptych {holder['command']}` ({where})"
    except (OSError, ValueError, LookupError, TypeError):  # it has just begun, or is of others
        return "another command"
