"""End this process soon after SIGINT or SIGTERM, whatever it is doing, with one sentence.

The first signal raises KeyboardInterrupt in the main thread, so that what is open is closed. Python
does so only between two steps of its own, and libraries may take it for an error of theirs: Beam
does. So a thread hears of the signal from the kernel, kills the children, for which the work may
wait, and ends the process when time is up or a second signal comes. Children that start meanwhile
end with the process, see `schema.system.child_process`. What is left half done the next run
removes, as after a kill.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from pipeline.console import terminal
from pipeline.process import suspending
from schema.errors import InputError
from schema.system.child_process import kill_children

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_S = 7.0  # for what is open to be closed; the rest to ten seconds is for a busy machine
SHOW_CURSOR = "\x1b[?25h"

Tell = Callable[[str], None]


class Interrupted(Exception):  # noqa: N818  it is not an error
    """A signal ended a command or a node.

    Args:
        where: the node.
        advice: what the node itself says about going on; None: what holds for the command.
    """

    def __init__(self, where: str, advice: str | None = None):
        super().__init__(f"{where}: {advice}" if advice else f"stopped in {where}")
        self.advice = advice


_current: "_Watcher | None" = None


def signalled() -> bool:
    """Whether a signal asked this process to end."""
    return _current is not None and _current.number is not None


def check() -> None:
    """Raise KeyboardInterrupt if a signal came whose first one a library caught."""
    if signalled():
        raise KeyboardInterrupt


@contextlib.contextmanager
def stoppable(
    go_on: str | Callable[[], str], grace_s: float = GRACE_S, tell: Tell | None = None
) -> Iterator[None]:
    """End the process with 128 + the signal's number when SIGINT or SIGTERM comes in here.

    A signal that is ignored stays ignored, as in a job that a script put into the background.

    Args:
        go_on: what has become of the work, or how to go on; follows 'stopped; '.
        grace_s: seconds that closing may take.
        tell: prints the last words; None: standard error as it is now, wherever it may lead then.
    """
    global _current  # noqa: PLW0603  signals are handled for the whole process
    if threading.current_thread() is not threading.main_thread() or _current is not None:
        yield  # Python lets only the main thread handle signals
        return
    watcher = _Watcher(go_on, grace_s, tell)
    _current = watcher
    suspending.set_heard(True)
    try:
        yield
    except BaseException as error:  # a library may make an exit of it
        if watcher.number is None:
            raise
        watcher.end(error)
    finally:
        _current = None
        suspending.set_heard(False)
        watcher.close()


class _Watcher:
    def __init__(self, go_on: str | Callable[[], str], grace_s: float, tell: Tell | None):
        self.number: int | None = None
        self._go_on, self._grace_s = go_on, grace_s
        self._terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
        self._tell = tell or self._print
        self._ending = threading.Lock()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._before = {
            number: signal.signal(number, self._interrupt)
            for number in SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        self._heard_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, daemon=True, name="stopping")
        self._thread.start()

    def close(self) -> None:
        """Handle signals as before."""
        signal.set_wakeup_fd(self._heard_before)
        for number, before in self._before.items():
            signal.signal(number, before or signal.SIG_DFL)
        os.write(self._write, b"\0")
        self._thread.join()
        os.close(self._read)
        os.close(self._write)
        self._terminal.close()

    def end(self, error: BaseException | None = None) -> NoReturn:
        """Print the last sentence and exit at once, since threads of libraries may never end."""
        self._ending.acquire()  # for good: the other thread may come here too
        assert self.number is not None
        with contextlib.suppress(OSError):  # nobody reads any more
            if error is None and self._terminal.isatty():  # behind a table that was not closed
                self._terminal.write("\r\n")
            self._tell(self._sentence(error))
        os._exit(128 + self.number)

    def _sentence(self, error: BaseException | None) -> str:
        if isinstance(error, InputError):
            return f"stopped: {error}"
        stopped = str(error) if isinstance(error, Interrupted) else "stopped"
        if isinstance(error, Interrupted) and error.advice:
            return stopped
        return f"{stopped}; {self._go_on if isinstance(self._go_on, str) else self._go_on()}"

    def _print(self, sentence: str) -> None:
        if self._terminal.isatty():
            self._terminal.write(SHOW_CURSOR)
        terminal.tell(f"diptych: {sentence}", self._terminal)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.number = self.number or number
        raise KeyboardInterrupt

    def _watch(self) -> None:
        deadline: float | None = None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._read], [], [], left)
            if not ready:
                self.end()
            for number in os.read(self._read, 64):
                if number == 0:
                    return
                if number == signal.SIGTSTP:
                    suspending.suspend()
                if number not in self._before:  # another signal that somebody handles
                    continue
                if deadline is not None:
                    self.end()
                self.number = self.number or number
                deadline = time.monotonic() + self._grace_s
                kill_children()
