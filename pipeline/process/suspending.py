"""Put a terminal in order before Ctrl-Z suspends this process, and draw again when it goes on.

Python runs handlers of signals between two steps of its own, which a step of TensorFlow may delay
for long. So the thread of `stopping`, which hears of signals at once, calls `suspend`.
"""

import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

_AT_ONCE_S = 0.2  # forks of this process hear of the same Ctrl-Z, and pass it on
_drawing: tuple[Callable[[], None], Callable[[], None]] | None = None
_went_on = 0.0
_is_heard = False


def set_heard(is_heard: bool) -> None:
    """Note whether there is a thread that calls `suspend`."""
    global _is_heard  # noqa: PLW0603
    _is_heard = is_heard


@contextlib.contextmanager
def drawing(stop: Callable[[], None], start: Callable[[], None]) -> Iterator[None]:
    """While the block lasts, call functions around a suspension.

    Where SIGTSTP is ignored or handled by others, outside of the main thread, and where no thread
    of `stopping` would call `suspend`, nothing changes.

    Args:
        stop: puts the terminal in order. Both functions are called in another thread.
        start: draws again.
    """
    global _drawing  # noqa: PLW0603  signals are handled for the whole process
    is_heard = _is_heard and threading.current_thread() is threading.main_thread()
    if not is_heard or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if os.getpid() != process:  # a fork has no thread that would do it
            _suspend_by_default()

    _drawing = stop, start
    signal.signal(signal.SIGTSTP, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        _drawing = None


def suspend() -> None:
    """Suspend this process after a SIGTSTP; returns when it goes on."""
    global _went_on  # noqa: PLW0603
    chosen = _drawing
    if chosen is None or time.monotonic() - _went_on < _AT_ONCE_S:
        return
    stop, start = chosen
    stop()
    _suspend_by_default()
    _went_on = time.monotonic()
    if _drawing is chosen:
        start()


def _suspend_by_default() -> None:
    """Do what the kernel does of itself: nothing, where no shell could let the process go on."""
    # Python's own `signal.signal` works in the main thread only.
    set_handler = ctypes.CDLL(None).signal
    set_handler.argtypes, set_handler.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    before = set_handler(signal.SIGTSTP, None)
    signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
    set_handler(signal.SIGTSTP, before)
