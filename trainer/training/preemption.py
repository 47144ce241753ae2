"""Ending a training run early without losing what it has learned."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from schema.errors import InputError

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class PreemptedError(InputError):
    """The run was asked to end, and can go on later."""


class Preemption:
    """Context that notes SIGTERM, which schedulers send before they kill, and Ctrl-C.

    A second signal does what it would have done outside the context. So does the first one, if the
    context ends normally before anything has acted on it.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._previous_handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python lets only the main thread handle signals; in other threads nothing changes.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` ignores it
                    self._previous_handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if error is None and self._signal is not None:
            signal.raise_signal(self._signal)

    def requested(self) -> bool:
        """Return whether the run should end."""
        return self._signal is not None

    def end_run(self, done: int, steps: int, saved: bool) -> NoReturn:
        """End the run.

        Args:
            done: steps done so far.
            steps: of the whole run.
            saved: whether a checkpoint of this step was written.

        Raises:
            PreemptedError: always.
        """
        rest = "start the same run again to continue" if saved else "no checkpoint was kept"
        raise PreemptedError(f"training was stopped at step {done} of {steps}; {rest}")

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is not None:
            signal.signal(number, self._previous_handlers[number] or signal.SIG_DFL)
            signal.raise_signal(number)
        self._signal = number
