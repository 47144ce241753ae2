"""The folder of a workspace with a log and a record of every run."""

import contextlib
from pathlib import Path

from pipeline.config.run_config import RunConfig


def logs_of(config: RunConfig) -> Path:
    """The folder with a log and a record of every run."""
    return Path(config.workspace) / "logs"


def records_of(config: RunConfig) -> list[Path]:
    """The record of every run, the last one first; a workspace that was never used has none.

    Raises:
        OSError: the folder may not be read, where a glob would find nothing in it.
    """
    logs = logs_of(config)
    with contextlib.suppress(FileNotFoundError):
        return sorted((p for p in logs.iterdir() if p.suffix == ".json"), reverse=True)
    return []
