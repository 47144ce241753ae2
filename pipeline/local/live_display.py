"""Draw a run on a terminal, in place: a table of its nodes, how training goes, and warnings."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.text import Text

from pipeline.console.progress_text import HELD_OUT, duration, parts, size
from pipeline.console.rich_console import Console, Table
from pipeline.local.table_rows import STARTED, WAITING, Row, window
from pipeline.node_recorder import SET_UP
from pipeline.process import suspending
from schema.node_record import NodeRecord
from schema.text.messages import number_of
from schema.text.untrusted_text import for_people

FRAMES_PER_SECOND = 4
NARROW, WIDE = 60, 100  # columns: below, only node, state and time; above, memory, too
LONGEST_NAME = 24  # columns of a node's name
OTHERS = 26  # columns of a narrow table beside the names
BAR = 24  # columns
STATES = {  # mark, word and style by state
    WAITING: ("·", "waiting", "dim"),
    STARTED: ("", "running", "cyan"),
    "ran": ("✓", "done", "green"),
    "cached": ("=", "cached", "blue"),
    "skipped": ("-", "skipped", "dim"),
    "failed": ("✗", "failed", "bold red"),
    "stopped": ("■", "stopped", "yellow"),
}
DONE = ("ran", "cached", "skipped")
WHILE_RUNNING = ("trial", "quarantined", "resumed_from")  # notes in the table
AT_THE_END = ("trial", "best", "quarantined", "resumed_from", "recall", "loss")


class LiveDisplay:
    """A display that is redrawn in place, at most `FRAMES_PER_SECOND` times a second.

    What Python code prints meanwhile is not taken for the terminal: it goes where standard output
    and standard error lead, which is the log.

    Args:
        console: of a terminal.
        clock: returns seconds; replaced by tests.
        threaded: redraw in a thread of its own; tests call `redraw`.
    """

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        threaded: bool = True,
    ):
        self._console, self._clock = console, clock
        self._began = clock()
        self._rows: dict[str, Row] = {}
        self._warnings: list[str] = []
        self._spinner = Spinner("dots", style="cyan")
        self._over = False
        self._threaded = threaded
        self._live = self._new()
        self._held = contextlib.ExitStack()

    def _new(self) -> Live:
        return Live(
            console=self._console,
            get_renderable=self.draw,
            auto_refresh=self._threaded,
            refresh_per_second=FRAMES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        self._held.enter_context(suspending.drawing(self.pause, self.go_on))
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()
        self._over = True
        self._live.stop()

    def pause(self) -> None:
        """Leave the last frame where it is, and show the cursor."""
        self._live.stop()

    def go_on(self) -> None:
        """Draw again, below what was printed meanwhile."""
        if not self._over:
            self._live = self._new()
            self._live.start()

    def plan(self, nodes: Sequence[str]) -> None:
        for node in nodes:
            self._rows.setdefault(node, Row(node))

    def node(self, node: str, state: str, record: NodeRecord | None = None) -> None:
        now = self._clock()
        row = self._rows.setdefault(node, Row(node))
        if state == STARTED:
            row.started = now
        else:
            row.ended = now
            row.peak_bytes = record.peak_bytes if record else None
        row.state = state

    def progress(self, event: dict[str, Any]) -> None:
        row = self._rows.get(event["node"])
        if row is not None:
            row.event = event

    def warning(self, sentence: str) -> None:
        self._warnings.append(sentence)

    def redraw(self) -> None:
        """Draw the next frame now."""
        self._live.refresh()

    def draw(self) -> Group:
        """Make the next frame, which is not higher than the terminal unless it is the last one."""
        rows = list(self._rows.values())
        below = [] if self._over else [*self._training(rows), *self._last_warning()]
        below.append(self._counts(rows))
        if self._over:
            return Group(self._table(rows), *below)
        room = self._console.height - 2 - len(below)  # the header, and a line for the cursor
        first, last = window(rows, max(1, room))
        if last - first < len(rows):
            left = f"  and {number_of(len(rows) - (last - first), 'more node')}"
            below.insert(0, _line(left, "dim"))
        return Group(self._table(rows[first:last]), *below)

    def _table(self, rows: Iterable[Row]) -> Table:
        # Least widths, so that columns do not move when the first long text comes.
        width = self._console.width
        drawn = Table(box=None, pad_edge=False, header_style="dim", expand=width >= NARROW)
        drawn.add_column("", width=1)
        name = LONGEST_NAME if width >= NARROW else max(6, width - OTHERS)
        drawn.add_column("node", no_wrap=True, max_width=name)
        drawn.add_column("state", no_wrap=True, min_width=7)
        drawn.add_column("time", no_wrap=True, justify="right", min_width=10)
        if width >= NARROW:
            drawn.add_column("records", no_wrap=True, justify="right", min_width=9)
        if width >= WIDE:
            drawn.add_column("memory", no_wrap=True, justify="right", min_width=7)
        if width >= NARROW:
            drawn.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
        for row in rows:
            drawn.add_row(*self._cells(row, width))
        return drawn

    def _cells(self, row: Row, width: int) -> Iterable[RenderableType]:
        mark, word, style = STATES[row.state]
        yield self._spinner if row.runs else _line(mark, style)
        yield _line(row.node, "dim" if row.state == WAITING else "")
        yield _line(word, style)
        yield _line(self._took(row), "dim")
        if width < NARROW:
            return
        yield f"{row.event['records']:,}" if "records" in row.event else ""
        if width >= WIDE:
            measured = row.peak_bytes if row.state in ("ran", "failed") else None
            yield _line("" if measured is None else size(measured), "dim")
        shown = WHILE_RUNNING if row.runs else AT_THE_END
        words = parts(row.event)
        notes = ", ".join(words[name] for name in shown if name in words)
        yield _line(notes.replace(HELD_OUT, ""), "dim")

    def _took(self, row: Row) -> str:
        if row.state == WAITING:
            return ""
        return duration((self._clock() if row.runs else row.ended) - row.started)

    def _training(self, rows: Iterable[Row]) -> list[RenderableType]:
        """Lines for each node that trains: how far it is, how it goes, the best of a search."""
        drawn: list[RenderableType] = []
        for row in rows:
            words = parts(row.event) if row.runs else {}
            if "step" in words:
                done, steps = row.event["step"], row.event["steps"]
                bar = Table.grid(padding=(0, 1))
                bar.add_row(
                    _line(words["step"]),
                    ProgressBar(total=steps, completed=done, width=BAR),
                    _line(f"{done / max(steps, 1):.0%}".replace("%", " %")),
                    _line(words.get("seconds_left", ""), "dim"),
                )
                how = (words.get(name) for name in ("loss", "recall", "pairs_per_second"))
                drawn += [Text(), bar, _line(", ".join(word for word in how if word))]
            if "best" in words:
                drawn.append(_line(words["best"], "dim"))
        return drawn

    def _last_warning(self) -> list[RenderableType]:
        return [_line(f"! {self._warnings[-1]}", "yellow")] if self._warnings else []

    def _counts(self, rows: Sequence[Row]) -> Text:
        """'9 of 14 nodes, 3 of them from the cache, 1 min 12 s, 2 warnings'."""
        states = [row.state for row in rows if row.node != SET_UP]
        ended = sum(state in DONE for state in states)
        words = [f"{ended:,} of {number_of(len(states), 'node')}"] if states else []
        if cached := states.count("cached"):
            words.append(f"{cached:,} of them from the cache")
        words.append(duration(self._clock() - self._began))
        if self._warnings:
            words.append(number_of(len(self._warnings), "warning"))
        return _line(", ".join(words), "dim")


def _line(text: str, style: str = "") -> Text:
    """Make one line of text from anywhere, cut off where the terminal ends."""
    return Text(for_people(text), style, no_wrap=True, overflow="ellipsis")
