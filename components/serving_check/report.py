"""What a serving check found: `check.json`, for the pusher, the reports and people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import model_validator

from schema.config.section import Frozen
from schema.serving_names import CHECK_REPORT

NAMED = 3  # faults that one sentence lists


class Check(Frozen):
    """One thing that was looked at."""

    name: str  # short and stable, e.g. 'unit-norm'
    passed: bool
    sentence: str  # for people: what was found, with its figure


class Latency(Frozen):
    """Of single calls, milliseconds."""

    p50: float
    p99: float


class CheckReport(Frozen):
    """All that was looked at, in order; what follows a broken stage is not looked at."""

    passed: bool
    checks: tuple[Check, ...]
    latency_ms: dict[str, Latency]  # by signature of the joint model; empty if not reached

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.passed != (bool(self.checks) and all(check.passed for check in self.checks)):
            raise ValueError("passed must say whether every check passed")
        return self

    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def judge(name: str, faults: Sequence[str], fine: str) -> Check:
    """A check that passes when there is no fault; else its sentence lists the first few."""
    more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
    return Check(
        name=name, passed=not faults, sentence="; ".join(faults[:NAMED]) + more if faults else fine
    )


def conclude(checks: list[Check], latency_ms: dict[str, Latency]) -> CheckReport:
    """The report on some checks; without any, nothing has passed."""
    passed = bool(checks) and all(check.passed for check in checks)
    return CheckReport(passed=passed, checks=tuple(checks), latency_ms=latency_ms)


def write(report: CheckReport, folder: str) -> None:
    """Write the report into a ServingCheck's artifact."""
    Path(folder, CHECK_REPORT).write_text(report.model_dump_json(indent=2) + "\n")


def read(folder: str) -> CheckReport:
    """Read the report of a ServingCheck's artifact."""
    return CheckReport.model_validate_json(Path(folder, CHECK_REPORT).read_text())
