"""Run a command on a terminal, as a person does, and keep all that it writes there."""

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.screen import Screen

SECONDS = 60.0
COOKED = termios.ECHO | termios.ICANON | termios.ISIG


@dataclass(frozen=True)
class Ended:
    """A command that ended on a terminal: its exit code, what it wrote, and the last screen.

    `modes` are the terminal's own afterwards: of `COOKED`, those that are on.
    """

    code: int
    screen: Screen
    modes: int

    @property
    def lines(self) -> list[str]:
        """All lines that can be read, those too that left the screen at its top."""
        return [*self.screen.scrolled, *self.screen.shown]


def on_terminal(
    command: Sequence[str | Path],
    folder: Path,
    columns: int = 80,
    lines: int = 24,
    environment: Mapping[str, str] | None = None,
    keys: Sequence[tuple[str, bytes]] = (),
) -> Ended:
    """Run a command on a terminal.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        columns: of the terminal.
        lines: of the terminal.
        environment: variables that differ from this process's; COLUMNS and the like are unset.
        keys: pressed one after the other, each once its text was written since the one before.
    """
    waiting = list(keys)
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.chdir(folder)
        mine = {**inherited, "TERM": "xterm-256color", **(environment or {})}
        os.execvpe(str(command[0]), [str(part) for part in command], mine)
    screen, seen = Screen(columns, lines), ""
    limit = time.monotonic() + SECONDS
    modes = 0
    with open(terminal, "rb", buffering=0) as output:
        while time.monotonic() < limit:
            if not select.select([output], [], [], 0.2)[0]:
                continue
            modes = termios.tcgetattr(output)[3] & COOKED
            try:
                text = os.read(terminal, 1 << 16).decode("utf-8", "replace")
            except OSError:  # the last process that had the terminal has ended
                break
            if not text:
                break
            screen.write(text)
            seen += text
            if waiting and waiting[0][0] in seen:
                os.write(terminal, waiting.pop(0)[1])
                seen = ""
        else:
            os.kill(child, 9)
    _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), screen, modes)
