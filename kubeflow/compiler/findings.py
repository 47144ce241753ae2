"""Report what the checks found; each finding names the node, the problem and the remedy."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

from pipeline.console.terminal import tell
from schema.errors import InputError


@dataclasses.dataclass(frozen=True)
class Finding:
    """An obstacle stops the compilation; a warning is only printed."""

    level: Literal["obstacle", "warning"]
    node: str  # its id, or the key of the config, or 'pipeline'
    problem: str
    remedy: str

    def sentence(self) -> str:
        """Return node, problem and remedy as one line."""
        return f"{self.node}: {self.problem}; {self.remedy}"


class ObstacleError(InputError):
    """The platform could not run the pipeline."""

    def __init__(self, findings: Iterable[Finding]):
        self.findings = tuple(findings)
        super().__init__(*(finding.sentence() for finding in self.findings))


def obstacle(node: str, problem: str, remedy: str) -> Finding:
    """Make a finding that stops the compilation."""
    return Finding("obstacle", node, problem, remedy)


def warning(node: str, problem: str, remedy: str) -> Finding:
    """Make a finding that is only printed."""
    return Finding("warning", node, problem, remedy)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise ObstacleError if an obstacle is among the findings."""
    obstacles = [finding for finding in findings if finding.level == "obstacle"]
    if obstacles:
        raise ObstacleError(obstacles)


def print_findings(findings: Iterable[Finding]) -> None:
    """Print a line for each finding, obstacles first."""
    for finding in sorted(findings, key=lambda finding: finding.level):
        tell(f"  {finding.level}: {finding.sentence()}")
