"""Progress as log events: whoever listens to this logger sees what the run is doing.

One event is one log record whose `event` attribute is a dict. The command line draws them; a pod
on Kubeflow prints them as plain lines; nobody listening costs nothing.
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
    """Tell listeners how far `node` is, e.g. report('Trainer', step=10, loss=2.3)."""
    around = _AROUND.get()
    if around is not None:
        node, values = around[0], {**around[1], **values}
    text = ", ".join(f"{name} {value}" for name, value in values.items())
    LOGGER.info("%s: %s", node, text, extra={"event": {"node": node, **values}})


@contextlib.contextmanager
def part_of(node: str, **values: float | int | str) -> Iterator[None]:
    """What is reported meanwhile, by whomever, is progress of `node`, and has these values too."""
    before = _AROUND.set((node, values))
    try:
        yield
    finally:
        _AROUND.reset(before)
