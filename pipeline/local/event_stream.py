"""Write the events of a run as JSON, one a line, for a program; see `pipeline.local.events`."""

import datetime
import math
import numbers
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self, TextIO

from pipeline.console.terminal import tell_event
from pipeline.local.events import EVENTS, VERSION
from schema.node_record import NodeRecord

SECONDS_BETWEEN_PROGRESS = 1.0  # of one node
ENDED = {
    "ran": "node_finished",
    "cached": "node_cached",
    "failed": "node_failed",
    "stopped": "node_stopped",
}


class EventStream:
    """A display whose reader is a program.

    Args:
        stream: what the program reads.
        clock: returns seconds; replaced by tests.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._stream, self._clock = stream, clock
        self._lock = threading.RLock()  # Beam's threads report progress, too
        self._written: dict[str, float] = {}  # when a node's progress was written last
        self._pending: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def write(self, event: str, **values: Any) -> None:
        """Write an event.

        Args:
            event: its name.
            values: all that its class in `pipeline.local.events` has but the time.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = EVENTS.validate_python({"event": event, "time": now, **values}, strict=True)
        with self._lock:
            tell_event({"event": event, **line.model_dump(mode="json")}, self._stream)

    def begin(self, name: str, log: str) -> None:
        """Write that the run of a pipeline started."""
        self.write("run_started", version=VERSION, name=name, log=log)

    def plan(self, nodes: Sequence[str]) -> None:
        self.write("planned", nodes=tuple(nodes))

    def node(self, node: str, state: str, record: NodeRecord | None = None) -> None:
        if state == "started":
            self.write("node_started", node=node)
            return
        with self._lock:
            if node in self._pending:
                self._write_progress(node, self._pending[node])
            self.write(
                ENDED[state],
                node=node,
                seconds=0.0 if record is None else record.seconds,
                peak_bytes=None if record is None else record.peak_bytes,
            )

    def progress(self, event: dict[str, Any]) -> None:
        node = event["node"]
        values = {name: value for name, value in event.items() if name != "node"}
        with self._lock:
            if self._clock() - self._written.get(node, -math.inf) < SECONDS_BETWEEN_PROGRESS:
                self._pending[node] = values
            else:
                self._write_progress(node, values)

    def warning(self, sentence: str) -> None:
        self.write("warning", sentence=sentence)

    def gate(self, passed: bool, sentence: str) -> None:
        """Write how a gate went."""
        self.write("gate", passed=passed, sentence=sentence)

    def notes(self, sentences: Iterable[str]) -> None:
        """Write what could not be looked at."""
        for sentence in sentences:
            self.write("note", sentence=sentence)

    def write_files(
        self,
        log: Path,
        record: Path,
        release: str | None = None,
        serving: str | None = None,
        curves: str | None = None,
    ) -> None:
        """Write where the results are, the last event but one."""
        self.write(
            "files",
            log=str(log),
            record=str(record),
            release=release,
            serving=serving,
            curves=curves,
        )

    def verdict(self, outcome: str, sentence: str, release: int | None = None) -> None:
        """Write the outcome, the last event."""
        self.write("verdict", outcome=outcome, sentence=sentence, release=release)

    def _write_progress(self, node: str, values: dict[str, Any]) -> None:
        self._pending.pop(node, None)
        self._written[node] = self._clock()
        plain = {name: _plain(value) for name, value in values.items()}
        self.write("node_progress", node=node, values=plain)


def _plain(value: Any) -> float | int | str:
    """Return a value that a node of anybody's reports as JSON has it; NaN as a text."""
    if isinstance(value, int | str):
        return value
    number = float(value) if isinstance(value, numbers.Real) else math.nan
    return number if math.isfinite(number) else str(value)
