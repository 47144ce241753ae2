"""Files written by a Beam stage on all cores: the local runner gives a stage one thread."""

import collections
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam

AT_MOST = 4  # threads: each may hold a whole file, and a machine may have a worker for each core


class OnThreads(beam.DoFn):
    """Call a function with each element and the side inputs, on up to four threads.

    For work that leaves Python's lock alone most of the time, and of which nothing is yielded. What
    it reads of Beam's state it must have before: that belongs to the stage's own thread.

    Args:
        work: the function; an error of it fails the bundle.
    """

    def __init__(self, work: Callable[..., Any]):
        self._work = work

    def setup(self) -> None:
        self._count = min(len(os.sched_getaffinity(0)), AT_MOST)
        self._threads = ThreadPoolExecutor(self._count)

    def start_bundle(self) -> None:
        self._running: collections.deque[Future[Any]] = collections.deque()

    def process(self, element: Any, *sides: Any) -> None:
        while len(self._running) >= self._count:
            self._running.popleft().result()
        self._running.append(self._threads.submit(self._work, element, *sides))

    def finish_bundle(self) -> None:
        while self._running:
            self._running.popleft().result()

    def teardown(self) -> None:
        self._threads.shutdown()
