"""What the check found: each finding names the node and the remedy."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

from pipeline.console.terminal import tell
from schema.errors import InputError


@dataclasses.dataclass(frozen=True)
class Finding:
    """An obstacle stops the compilation; a warning is only told."""

    level: Literal["obstacle", "warning"]
    node: str  # its id, or the key of the config, or 'pipeline'
    told: str
    remedy: str

    def sentence(self) -> str:
        """Node, obstacle, remedy."""
        return f"{self.node}: {self.told}; {self.remedy}"


class ObstacleError(InputError):
    """The platform could not run the pipeline."""

    def __init__(self, findings: Iterable[Finding]):
        self.findings = tuple(findings)
        super().__init__(*(each.sentence() for each in self.findings))


def obstacle(node: str, told: str, remedy: str) -> Finding:
    """A finding that stops the compilation."""
    return Finding("obstacle", node, told, remedy)


def warning(node: str, told: str, remedy: str) -> Finding:
    """A finding that is only told."""
    return Finding("warning", node, told, remedy)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise ObstacleError if an obstacle is among the findings."""
    found = [each for each in findings if each.level == "obstacle"]
    if found:
        raise ObstacleError(found)


def print_findings(findings: Iterable[Finding]) -> None:
    """A line each: obstacles first."""
    for finding in sorted(findings, key=lambda each: each.level):
        tell(f"  {finding.level}: {finding.sentence()}")
