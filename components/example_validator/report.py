"""The report of data that passed: `report.json` beside TFX's anomalies files."""

from pathlib import Path

from pydantic import Field

from schema.config.section import Frozen

FILE = "report.json"


class Report(Frozen):
    """Warn of what drifted since the release `compared_with`, and note what was not compared."""

    compared_with: int | None = None
    warnings: tuple[str, ...] = ()  # a sentence for each feature that drifted
    notes: tuple[str, ...] = ()  # what could not be compared, and why
    measured: dict[str, float] = Field(default_factory=dict)  # distance by feature


def write(folder: Path, report: Report) -> None:
    """Write it into an ExampleValidator's artifact."""
    (folder / FILE).write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Report:
    """Read it from an ExampleValidator's artifact."""
    return Report.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
