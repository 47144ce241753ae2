"""Progress as log events: whoever listens to this logger sees what the run is doing.

One event is one log record whose `event` attribute is a dict. The command line draws them; a pod
on Kubeflow prints them as plain lines; nobody listening costs nothing.
"""

import logging

LOGGER = logging.getLogger("diptych.progress")
LOGGER.setLevel(logging.INFO)


def report(node: str, **values: float | int | str) -> None:
    """Tell listeners how far `node` is, e.g. report('Trainer', step=10, loss=2.3)."""
    text = ", ".join(f"{name} {value}" for name, value in values.items())
    LOGGER.info("%s: %s", node, text, extra={"event": {"node": node, **values}})
