"""Complete the environment of a process, before it imports libraries that need it.

Containers run under any user id, often one without a name or a home folder, and services have no
locale. Libraries ask for all three while they are imported, and end in a KeyError or RuntimeError.
"""

import contextlib
import errno
import os
import pwd
import sys
from collections.abc import Iterator, MutableMapping

from pipeline.console.terminal import complain

NO_HOME = "/nonexistent"  # Debian's home of users who have none: never there, never made
_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # where `getpass.getuser` looks


def prepare() -> None:
    """Complete the environment of this process and its children.

    Where Python would read and write names of files as ASCII, the process starts itself again in
    UTF-8 mode: that is decided before its first line runs.
    """
    complete(os.environ)
    if sys.getfilesystemencoding() == "ascii":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(  # noqa: S606  a list of arguments, never a shell
            sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        )
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding shows what it lacks as an escape; printing never fails.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


@contextlib.contextmanager
def output_written() -> Iterator[None]:
    """Exit with 1 and a sentence if the output cannot be written, as on a full disk.

    Python itself would end with a traceback, and with 120 if it notices only at the end.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:  # whoever read it, such as `head`, has seen enough
            complain(f"the output cannot be written: {str(error.strerror).lower()}")
        sys.exit(1)


def complete(environment: MutableMapping[str, str]) -> None:
    """Set the variables of a user's name and home folder where they are missing."""
    user = os.getuid()
    if not any(environment.get(name) for name in _NAMES) and _entry(user) is None:
        environment["LOGNAME"] = f"uid-{user}"
    if not environment.get("HOME"):
        entry = _entry(user)
        environment["HOME"] = NO_HOME if entry is None else entry.pw_dir
    home = environment["HOME"]
    if not os.access(home, os.W_OK):
        # Keras would look into /tmp/.keras instead, which may be another user's.
        environment.setdefault("KERAS_HOME", f"{home}/.keras")


def _entry(user: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(user)
    except KeyError:
        return None
