"""The rows of the live table, and which of them a low terminal has room for."""

import dataclasses
from collections.abc import Sequence
from typing import Any

WAITING, STARTED = "waiting", "started"


@dataclasses.dataclass
class Row:
    """A node as the table shows it; `event` has the last values that it reported."""

    node: str
    state: str = WAITING
    started: float = 0.0
    ended: float = 0.0
    event: dict[str, Any] = dataclasses.field(default_factory=dict)
    peak_bytes: int | None = None

    @property
    def runs(self) -> bool:
        """Whether it has started and not ended."""
        return self.state == STARTED


def window(rows: Sequence[Row], room: int) -> tuple[int, int]:
    """Choose which rows to show where not all have room: those around the one that runs.

    Args:
        rows: all of them.
        room: lines; one of them is needed for how many rows are left out.

    Returns:
        The index of the first row, and that behind the last one.
    """
    if len(rows) <= room:
        return 0, len(rows)
    lines = max(1, room - 1)
    begun = [place for place, row in enumerate(rows) if row.state != WAITING]
    running = [place for place in begun if rows[place].runs]
    at = (running or begun[-1:] or [0])[0]
    first = min(max(0, at - 2 * lines // 3), len(rows) - lines)
    return first, first + lines
