"""Ending a training run before its time, without losing what it has learned."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from schema.errors import InputError

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopError(InputError):
    """The run was asked to end, and can go on later."""


class Stop:
    """Notes SIGTERM, by which schedulers announce that they will soon kill, and Ctrl-C.

    Used as a context. A second signal does what it would have done outside, and so does the first
    one if the context ends before anybody heard of it.
    """

    def __init__(self) -> None:
        self._asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python lets only the main thread handle signals; elsewhere they end the process as ever.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as of a job with `nohup`
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before or signal.SIG_DFL)
        if error is None and self._asked is not None:
            signal.raise_signal(self._asked)

    def asked(self) -> bool:
        """Whether the run should end."""
        return self._asked is not None

    def now(self, done: int, steps: int, saved: bool) -> NoReturn:
        """End it.

        Raises:
            StopError: always.
        """
        rest = "the same run started again goes on from there" if saved else "nothing was kept"
        raise StopError(f"training was stopped at step {done} of {steps}; {rest}")

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None:
            signal.signal(number, self._before[number] or signal.SIG_DFL)
            signal.raise_signal(number)
        self._asked = number
