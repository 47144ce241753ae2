"""Where a workspace has the logs and records of its runs."""

import contextlib
from pathlib import Path

from pipeline.config.run_config import RunConfig


def logs_of(config: RunConfig) -> Path:
    """Return the folder with a log and a record of every run."""
    return Path(config.workspace) / "logs"


def records_of(config: RunConfig) -> list[Path]:
    """List the records of all runs, the last one first; an unused workspace has none.

    Raises:
        OSError: the folder may not be read, where a glob would find nothing in it.
    """
    logs = logs_of(config)
    with contextlib.suppress(FileNotFoundError):
        return sorted((p for p in logs.iterdir() if p.suffix == ".json"), reverse=True)
    return []
