"""Display the progress of a run: live on a terminal, as plain lines elsewhere."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, Self, TextIO

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.text import Text

from pipeline.console.rich_console import Console, Table
from pipeline.console.terminal import tell
from schema.progress import LOGGER
from schema.text.messages import number_of

SECONDS_BETWEEN_LINES = 10.0
MARKS = {"ran": "✓", "cached": "=", "skipped": "-", "failed": "✗", "stopped": "■"}


class Display(Protocol):
    """A display of a run, which is entered for the time of the run."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def node(self, node: str, state: str) -> None:
        """Show that a node 'started', or ended as one of `MARKS`."""

    def progress(self, event: dict[str, Any]) -> None:
        """Show how far a node is; see `schema.progress.report`."""


def choose(stream: TextIO, console: Console) -> Display:
    """Choose the live display on a terminal, lines elsewhere."""
    return LiveDisplay(console) if console.is_terminal else LineDisplay(stream)


class Listener(logging.Handler):
    """A log handler that passes progress events to a function, while entered."""

    def __init__(self, progress: Callable[[dict[str, Any]], None]):
        super().__init__()
        self._progress = progress
        self._records: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event is not None:
            self._progress(self._with_total(event))

    def _with_total(self, event: dict[str, Any]) -> dict[str, Any]:
        """Replace the number of new records, which Beam's stages report, by that of all."""
        if "new_records" not in event:
            return event
        self._records[event["node"]] += event["new_records"]
        return {"node": event["node"], "records": self._records[event["node"]]}

    def __enter__(self) -> Self:
        LOGGER.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        LOGGER.removeHandler(self)


def describe(event: dict[str, Any]) -> str:
    """Describe an event: '12,800 records, step 50 of 1,050, loss 2.3, 3 min 20 s left'."""
    parts = []
    if "trial" in event:
        parts.append(f"trial {event['trial']:,} of {event['trials']:,}")
    if "best" in event:
        parts.append(f"best {event['best']}")
    if "records" in event:
        parts.append(number_of(event["records"], "record"))
    if event.get("quarantined"):
        parts.append(f"{event['quarantined']:,} quarantined")
    if "step" in event:
        parts.append(f"step {event['step']:,} of {event['steps']:,}")
    if "resumed_from" in event:
        parts.append(f"resumed from step {event['resumed_from']:,}")
    if "loss" in event:
        parts.append(f"loss {event['loss']:.3f}")
    if event.get("pairs_per_second"):
        parts.append(f"{event['pairs_per_second']:,} pairs/s")
    if event.get("seconds_left", -1) > 0:
        parts.append(f"{duration(event['seconds_left'])} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Describe a duration: '8.2 s', '48 s' or '3 min 20 s'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


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

    def node(self, node: str, state: str) -> None:
        now = time.monotonic()
        if state == "started":
            self._started[node] = self._printed[node] = now
            self._print(f"{node}: started")
            return
        parts = [state, duration(now - self._started[node]), self._last.get(node)]
        self._print(f"{node}: {', '.join(part for part in parts if part)}")

    def progress(self, event: dict[str, Any]) -> None:
        node, now = event["node"], time.monotonic()
        self._last[node] = describe(event)
        if now - self._printed.get(node, 0.0) > SECONDS_BETWEEN_LINES:
            self._printed[node] = now
            self._print(f"{node}: {self._last[node]}")

    def _print(self, line: str) -> None:
        tell(line, self._stream)


class LiveDisplay:
    """A table of the nodes, redrawn in place, with a bar under the one that trains."""

    def __init__(self, console: Console):
        self._rows: dict[str, dict[str, Any]] = {}
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def node(self, node: str, state: str) -> None:
        now = time.monotonic()
        if state == "started":
            self._rows[node] = {
                "started": now,
                "state": state,
                "event": {},
                "spin": Spinner("dots"),
            }
        else:
            self._rows[node].update(state=state, ended=now)

    def progress(self, event: dict[str, Any]) -> None:
        if event["node"] in self._rows:
            self._rows[event["node"]]["event"] = event

    def _draw(self) -> Group:
        drawn = Table.grid(padding=(0, 1))
        bars = []
        for node, row in list(self._rows.items()):
            running = row["state"] == "started"
            mark = row["spin"] if running else Text(MARKS[row["state"]], _style(row["state"]))
            ended = time.monotonic() if running else row["ended"]
            took = "cached" if row["state"] == "cached" else duration(ended - row["started"])
            drawn.add_row(mark, node, Text(took, "dim", justify="right"), describe(row["event"]))
            if running and "steps" in row["event"]:
                event = row["event"]
                bars.append(ProgressBar(total=event["steps"], completed=event["step"], width=60))
        return Group(drawn, *bars)


def _style(state: str) -> str:
    styles = {"ran": "green", "cached": "blue", "skipped": "dim", "stopped": "yellow"}
    return styles.get(state, "bold red")
