"""Measure the memory of this process and its descendants, as the kernel counts it in /proc."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Self

PROC = Path("/proc")
SECONDS_BETWEEN_SAMPLES = 0.5
LARGEST_SHARE = 0.02  # of the time, that sampling takes where there are thousands of processes
_KIB = 1024


def tree_bytes(process: int) -> int | None:
    """Add up the resident memory of a process and all its descendants, in bytes.

    A page that two of them share counts twice; they start other programs, so that is little.

    Returns:
        None where the kernel has no /proc.
    """
    resident: dict[int, int] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for number, parent, pages in _processes():
        resident[number] = pages
        children[parent].append(number)
    if process not in resident:
        return None
    total, waiting = 0, [process]
    while waiting:
        number = waiting.pop()
        total += resident[number]
        waiting += children[number]
    return total * os.sysconf("SC_PAGE_SIZE")


def high_water_bytes() -> int | None:
    """Return the most resident memory that this process has had since it began, in bytes."""
    try:
        status = (PROC / "self" / "status").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(words[1]) * _KIB for words in lines), None)


class PeakMemory:
    """The peak of `tree_bytes` of this process between `__init__` and `stop`.

    It is sampled by a thread; a short peak of this process alone, between two samples, is known
    from the kernel's high-water mark where that has grown meanwhile.
    """

    def __init__(self) -> None:
        self._before = high_water_bytes()
        self._peak = tree_bytes(os.getpid())
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True, name="peak memory")
        self._thread.start()

    def stop(self) -> int | None:
        """End the measurement; return the peak in bytes, None where the kernel has no /proc."""
        self._done.set()
        self._thread.join()
        self._look()
        after = high_water_bytes()
        if self._peak is not None and after is not None and after > (self._before or 0):
            self._peak = max(self._peak, after)
        return self._peak

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _sample(self) -> None:
        pause = SECONDS_BETWEEN_SAMPLES
        while not self._done.wait(pause):
            began = time.thread_time()
            self._look()
            pause = max(SECONDS_BETWEEN_SAMPLES, (time.thread_time() - began) / LARGEST_SHARE)

    def _look(self) -> None:
        now = tree_bytes(os.getpid())
        if now is not None:
            self._peak = max(self._peak or 0, now)


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield the number, the parent and the resident pages of every process that can be seen."""
    for entry in PROC.glob("[0-9]*/stat"):
        try:
            text = entry.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has just ended
            continue
        # The name comes in brackets and may hold any character. Behind it, counted from 0: state,
        # parent, ... and at 21 the resident pages.
        fields = text.rpartition(")")[2].split()
        yield int(entry.parent.name), int(fields[1]), int(fields[21])
