"""Ending a training run before its time, without losing what it has learned."""

import signal
import threading
from types import FrameType, TracebackType
from typing import NoReturn, Self

from schema.errors import InputError


class StopError(InputError):
    """The run was asked to end, and can go on later."""


class Stop:
    """Notes SIGTERM, by which schedulers announce that they will soon kill; used as a context."""

    def __init__(self) -> None:
        self._asked = False
        self._before: object = None

    def __enter__(self) -> Self:
        # Python lets only the main thread handle signals; elsewhere they end the process as ever.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._before or signal.SIG_DFL)  # type: ignore[arg-type]

    def asked(self) -> bool:
        """Whether the run should end."""
        return self._asked

    def now(self, done: int, steps: int, saved: bool) -> NoReturn:
        """End it.

        Raises:
            StopError: always.
        """
        rest = "the same run started again goes on from there" if saved else "nothing was kept"
        raise StopError(f"training was stopped at step {done} of {steps}; {rest}")

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
