"""Find and read the record that a run keeps beside its log."""

from pathlib import Path
from typing import Any

from pipeline.config.run_config import RunConfig
from pipeline.local.run_logs import logs_of, records_of
from schema.errors import InputError
from schema.text import json_text


def record_of(config: RunConfig, run: str | None) -> Path:
    """Return the record of a run.

    Args:
        config: of the pipeline.
        run: its name; None: the last run.

    Raises:
        InputError: there is none.
    """
    records = records_of(config)
    chosen = [path for path in records if run in (None, path.stem)]
    if chosen:
        return chosen[0]
    which = f"run {run}" if run else "any run"
    last = f"the last one is {records[0].stem}" if records else "`diptych run` makes the first one"
    raise InputError(f"{logs_of(config)}: there is no record of {which}; {last}")


def read_record(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        InputError: it cannot be read.
    """
    try:
        record = json_text.parse(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: the record of this run cannot be read: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f"{path}: the record of this run cannot be read: it is not a JSON object")
    return record
