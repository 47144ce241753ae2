"""Record of each node of a run: how it went, how long it took, how much memory was used."""

import time
from collections.abc import Callable

from schema.node_record import NodeRecord
from schema.system.memory import PeakMemory

SET_UP = "set-up"
"""Not a node: the import of libraries and the building of the graph, before the first one."""


class NodeRecorder:
    """Measures nodes that run one after the other.

    Args:
        clock: returns seconds; replaced by tests.
        measure: starts a measurement of memory; replaced by tests.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        measure: Callable[[], PeakMemory] = PeakMemory,
    ):
        self._clock, self._measure = clock, measure
        self._running: tuple[str, float, PeakMemory] | None = None
        self.records: list[NodeRecord] = []

    def start(self, node: str) -> None:
        """Note that a node starts."""
        memory = self._measure()
        self._running = node, self._clock(), memory

    def end(self, node: str, outcome: str) -> NodeRecord:
        """Note how a node ended, and keep its record; that of `SET_UP` is returned only."""
        seconds, peak = 0.0, None
        if self._running is not None and self._running[0] == node:
            _, started, memory = self._running
            self._running = None
            seconds, peak = round(self._clock() - started, 3), memory.stop()
        record = NodeRecord(node, outcome, seconds, peak)
        if node != SET_UP:
            self.records.append(record)
        return record
