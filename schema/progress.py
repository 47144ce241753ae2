"""Report progress as log events.

One event is one log record whose `event` attribute is a dict. The command line draws them, and a
pod on Kubeflow prints them as plain lines.
"""

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar

LOGGER = logging.getLogger("diptych.progress")
LOGGER.setLevel(logging.INFO)


Values = dict[str, float | int | str]
_AROUND: ContextVar[tuple[str, Values] | None] = ContextVar("around", default=None)


def report(node: str, **values: float | int | str) -> None:
    """Report how far a node is, e.g. report('Trainer', step=10, loss=2.3)."""
    around = _AROUND.get()
    if around is not None:
        node, values = around[0], {**around[1], **values}
    text = ", ".join(f"{name} {value}" for name, value in values.items())
    LOGGER.info("%s: %s", node, text, extra={"event": {"node": node, **values}})


@contextlib.contextmanager
def part_of(node: str, **values: float | int | str) -> Iterator[None]:
    """Count all progress that is reported meanwhile to a node, and add values to it."""
    before = _AROUND.set((node, values))
    try:
        yield
    finally:
        _AROUND.reset(before)
