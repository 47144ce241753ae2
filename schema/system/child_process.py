"""Start a child process that ends with its parent, also when the parent is killed.

Run as a program, `python -I -S child_process.py PARENT COMMAND...`, this file is the first moment
of such a child: it asks the kernel for SIGKILL at the end of its parent, and becomes the command.
It imports nothing of this project, so that it costs some 20 ms.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def ending_with_parent(command: Sequence[str | Path]) -> list[str]:
    """Return the command of a child that runs `command` and does not outlive this process.

    The kernel looks at the thread that starts the child: it must stay until the child has ended.

    Args:
        command: the program and its arguments. If it cannot be started, the child says so on its
            standard error and ends with status 1.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *map(str, command)]


def kill_children() -> None:
    """Kill the children of this process, so that nothing in it waits for one any more.

    A child with a session of its own stays: it ends by itself, as the writer of the log does.
    """
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            # Its name comes in brackets and may hold any character; state, parent, group, session.
            _, parent, _, session, *_ = entry.read_text(errors="replace").rpartition(")")[2].split()
            if (int(parent), int(session)) == (os.getpid(), os.getsid(0)):
                os.kill(int(entry.parent.name), signal.SIGKILL)


def main(parent: int, command: Sequence[str]) -> None:
    """Become the command, bound to the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be asked for
            sys.exit(-signal.SIGKILL)
    try:
        os.execvp(command[0], list(command))  # noqa: S606  a list of arguments, never a shell
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
