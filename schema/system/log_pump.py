"""Copy what processes print into a log, safe to read: `python -m schema.system.log_pump`.

A process of its own, because a thread could not copy while C++ prints with Python's lock held, and
because the last words of a process that crashes are the ones that matter. It ends when nobody can
print any more.
"""

import contextlib
import os
import signal
import sys

from schema.system.log_records import INDENT
from schema.text.untrusted_text import for_people

CHUNK = 1 << 16  # bytes read at once, and of a line at most


def pump(source: int, log: int, mark: bytes, done: int) -> None:
    """Copy lines until the last writer has closed the pipe.

    Args:
        source: file descriptor of the pipe.
        log: file descriptor of a file that is appended to.
        mark: a line that is not copied; it says that what was printed so far is wanted.
        done: file descriptor that gets a byte then.
    """
    rest = b""
    while chunk := os.read(source, CHUNK):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        if len(rest) >= CHUNK:
            lines, rest = [*lines, rest], b""
        for line in lines:
            if line == mark:
                os.write(done, b"\n")
            elif line:
                _append(log, line)
    if rest:
        _append(log, rest)


def _append(log: int, line: bytes) -> None:
    text = INDENT + for_people(line.decode("utf-8", "surrogateescape")) + "\n"
    with contextlib.suppress(OSError):  # a full disk: whoever prints must not be kept waiting
        os.write(log, text.encode())


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # others have last words to say
    pump(0, 1, sys.argv[1].encode(), int(sys.argv[2]))
