"""The report of a serving check: `check.json`, for the Pusher, the summary and people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import model_validator

from schema.config.section import Frozen
from schema.serving_names import CHECK_REPORT

LISTED = 3  # faults in one sentence


class Check(Frozen):
    """The result of one check."""

    name: str
    """Short and stable, such as 'unit-norm'."""

    passed: bool
    """Whether it held."""

    sentence: str
    """The result with its figure, for people."""


class Latency(Frozen):
    """Latency of single calls in milliseconds."""

    p50: float
    p99: float


class CheckReport(Frozen):
    """The results of all checks, in order, up to the first stage that failed."""

    passed: bool
    """Whether every check held."""

    checks: tuple[Check, ...]
    """At least one, if it passed."""

    latency_ms: dict[str, Latency]
    """By signature of the joint model; empty if a check before it failed."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.passed != (bool(self.checks) and all(check.passed for check in self.checks)):
            raise ValueError("passed must say whether every check passed")
        return self

    def failed(self) -> tuple[Check, ...]:
        """Return the checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def judge(name: str, faults: Sequence[str], fine: str) -> Check:
    """Return a check that passes when there is no fault; else it lists the first few."""
    more = f"; and {len(faults) - LISTED} more" if len(faults) > LISTED else ""
    return Check(
        name=name, passed=not faults, sentence="; ".join(faults[:LISTED]) + more if faults else fine
    )


def conclude(checks: list[Check], latency_ms: dict[str, Latency]) -> CheckReport:
    """Return the report of some checks; without any, it has not passed."""
    passed = bool(checks) and all(check.passed for check in checks)
    return CheckReport(passed=passed, checks=tuple(checks), latency_ms=latency_ms)


def write(report: CheckReport, folder: str) -> None:
    """Write the report into a ServingCheck's artifact."""
    Path(folder, CHECK_REPORT).write_text(report.model_dump_json(indent=2) + "\n")


def read(folder: str) -> CheckReport:
    """Read the report of a ServingCheck's artifact."""
    return CheckReport.model_validate_json(Path(folder, CHECK_REPORT).read_text())
