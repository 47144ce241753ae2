"""Wait a limited time for a call that has no limit of its own, as those of database drivers."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call returns; do not wait for one that takes longer.

    The call then goes on by itself, in a thread that keeps no process alive.

    Args:
        seconds: the limit.
        call: what is called.

    Raises:
        TimeoutError: it has not returned by then.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    return results[0]


class Limited:
    """An object whose methods do not keep their callers waiting for long.

    Args:
        inner: the object.
        seconds: the limit of each call.
        others: the limits of methods that need another one.
    """

    def __init__(self, inner: Any, seconds: float, **others: float):
        self._inner, self._seconds, self._others = inner, seconds, others

    def __getattr__(self, name: str) -> Any:
        method, seconds = getattr(self._inner, name), self._others.get(name, self._seconds)

        def limited(*arguments: Any, **named: Any) -> Any:
            return within(seconds, lambda: method(*arguments, **named))

        return limited
