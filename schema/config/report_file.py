"""Read a report that a node wrote beside its files, as JSON."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from schema.config.section import Frozen
from schema.errors import InputError

Report = TypeVar("Report", bound=Frozen)


def read_report(kind: type[Report], file: Path, content: str) -> Report:
    """Read a report.

    Args:
        kind: its class.
        file: to read.
        content: what it reports, for the error: 'converted towers'.

    Raises:
        InputError: there is no such file, or it is not such a report.
    """
    try:
        return kind.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error
    except (UnicodeDecodeError, ValidationError) as error:
        raise InputError(f"{file}: is not a report of {content}") from error
