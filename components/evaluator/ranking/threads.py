"""Work in threads that each multiply by themselves.

NumPy lets go of the interpreter's lock while it multiplies and compares, so one thread can count
while another multiplies. BLAS's own threads would wait in a busy loop meanwhile, and take several
times as long when another process wants the cores.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import ThreadpoolController

MOST = 8  # each thread holds a block of its own, and Beam may run many workers on a machine

T = TypeVar("T")
_lock = threading.Lock()
_inside = 0
_limit = contextlib.ExitStack()


def for_each(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do some work for each item, in as many threads as this process has cores, at most 8.

    Items are taken one at a time, so there may be any number of them.
    """
    left = iter(items)
    taking = threading.Lock()

    def some_of_them() -> None:
        while True:
            with taking:
                try:
                    item = next(left)
                except StopIteration:
                    return
            work(item)

    threads = min(MOST, len(os.sched_getaffinity(0)))
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(some_of_them) for _ in range(threads)]:
            done.result()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let each BLAS call of this process use the calling thread only.

    The setting belongs to the whole process, so the first of several threads in here makes it and
    the last one takes it back: Beam may rank several batches at once.
    """
    global _inside  # noqa: PLW0603  BLAS has one setting for the process
    with _lock:
        if _inside == 0:
            _limit.enter_context(_controller().limit(limits=1, user_api="blas"))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.close()


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through the loaded libraries, some milliseconds
