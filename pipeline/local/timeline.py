"""Measure how long each node of a run takes, and the memory that it needs."""

import contextlib
import time
from pathlib import Path

from components.run_report.facts import NodeRun

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # what Linux takes for: measure the peak from now on


class Timeline:
    """Listens to a run, and keeps a `NodeRun` for each node that ended.

    The peak of memory is that of this process while the node ran, without Beam's workers; it is
    None where the system does not let a process measure it anew.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeRun] = []
        self._started: dict[str, float] = {}
        self._measured = False

    def note(self, node: str, state: str) -> None:
        """Note that a node 'started', or ended as any other state says."""
        if state == "started":
            self._started[node] = time.monotonic()
            self._measured = _reset_peak()
        elif node in self._started:
            seconds = time.monotonic() - self._started.pop(node)
            peak = _peak_mb() if self._measured else None
            self.nodes.append(NodeRun(node, state, round(seconds, 2), peak))


def _reset_peak() -> bool:
    with contextlib.suppress(OSError):
        CLEAR.write_text(RESET_PEAK)
        return True
    return False


def _peak_mb() -> float | None:
    """Return the peak of the memory in MB; None where the system does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return None
