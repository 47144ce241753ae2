"""Display the progress of a run: a live table on a terminal, plain lines elsewhere."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TextIO

from pipeline.console.progress_text import describe, duration
from pipeline.console.rich_console import Console
from pipeline.console.terminal import tell
from pipeline.local.live_display import LiveDisplay
from schema.node_record import NodeRecord
from schema.progress import LOGGER

SECONDS_BETWEEN_LINES = 10.0
LISTENED_TO = (LOGGER, *map(logging.getLogger, ("schema", "trainer", "components", "pipeline")))
"""Loggers of ours: their warnings, unlike those of libraries, are for whoever runs the pipeline."""


class Display(Protocol):
    """A display of a run, which is entered for the time of the run."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def plan(self, nodes: Sequence[str]) -> None:
        """Show which nodes the pipeline has, in the order in which they will start."""

    def node(self, node: str, state: str, record: NodeRecord | None = None) -> None:
        """Show that a node 'started', or ended as 'ran', 'cached', 'skipped', 'failed', 'stopped'.

        Args:
            node: its id.
            state: the new one.
            record: of a node that ended, where it was measured.
        """

    def progress(self, event: dict[str, Any]) -> None:
        """Show how far a node is; see `schema.progress.report`."""

    def warning(self, sentence: str) -> None:
        """Show a warning of a node; all are printed once more when the run has ended."""


def choose(stream: TextIO, console: Console) -> Display:
    """Choose the live display on a terminal that can move its cursor, lines elsewhere."""
    return LiveDisplay(console) if console.is_interactive else LineDisplay(stream)


class Listener(logging.Handler):
    """A log handler that passes progress events and our warnings to functions, while entered.

    Args:
        progress: called with each event.
        warning: called with the sentence of each warning that our own loggers get.
    """

    def __init__(
        self,
        progress: Callable[[dict[str, Any]], None],
        warning: Callable[[str], None] = lambda _: None,
    ):
        super().__init__()
        self._progress, self._warning = progress, warning
        self._records: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event is not None:
            self._progress(self._with_total(event))
        elif record.levelno == logging.WARNING:  # an error ends the run, whose verdict says it
            self._warning(record.getMessage().partition("\n")[0])

    def _with_total(self, event: dict[str, Any]) -> dict[str, Any]:
        """Replace the number of new records, which Beam's stages report, by that of all."""
        if "new_records" not in event:
            return event
        self._records[event["node"]] += event["new_records"]
        return {"node": event["node"], "records": self._records[event["node"]]}

    def __enter__(self) -> Self:
        for logger in LISTENED_TO:
            logger.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        for logger in LISTENED_TO:
            logger.removeHandler(self)


class LineDisplay:
    """One line when a node starts, ends, or has had something new for ten seconds."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._started: dict[str, float] = {}
        self._printed: dict[str, float] = {}
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def plan(self, nodes: Sequence[str]) -> None:
        pass

    def node(self, node: str, state: str, record: NodeRecord | None = None) -> None:
        now = time.monotonic()
        if state == "started":
            self._started[node] = self._printed[node] = now
            self._print(f"{node}: started")
            return
        seconds = now - self._started[node] if record is None else record.seconds
        parts = [state, duration(seconds), self._last.get(node)]
        self._print(f"{node}: {', '.join(part for part in parts if part)}")

    def progress(self, event: dict[str, Any]) -> None:
        node, now = event["node"], time.monotonic()
        self._last[node] = describe(event)
        if now - self._printed.get(node, 0.0) > SECONDS_BETWEEN_LINES:
            self._printed[node] = now
            self._print(f"{node}: {self._last[node]}")

    def warning(self, sentence: str) -> None:
        pass

    def _print(self, line: str) -> None:
        tell(line, self._stream)
