"""Run work of a server in one thread, and refuse what would have to wait for too long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class BusyError(Exception):
    """There is more work than the server takes; the message says so in one sentence."""


class Worker:
    """One thread with a bounded queue.

    The model uses all cores for one call, so calls side by side would gain nothing and would each
    hold memory of their own.

    Args:
        name: of the thread.
        most: calls that may run or wait; one more is refused.
    """

    def __init__(self, name: str, most: int):
        self._thread = ThreadPoolExecutor(1, name)
        self._most, self._taken = most, 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what a function returns, once the thread has called it.

        Call this from one event loop only. If the caller is cancelled before the thread has come
        to its work, the work is dropped.

        Raises:
            BusyError: the queue is full.
        """
        if self._taken >= self._most:
            raise BusyError(f"{self._taken} requests are waiting already; try again in a second")
        loop = asyncio.get_running_loop()
        self._taken += 1
        future = self._thread.submit(work)
        future.add_done_callback(lambda _: _call(loop, self._give_back))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop what waits and end the thread after what it does now."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _give_back(self) -> None:
        self._taken -= 1


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    if not loop.is_closed():  # the server has ended meanwhile
        loop.call_soon_threadsafe(function)
