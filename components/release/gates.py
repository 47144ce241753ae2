"""The results of a release's gates, and whether they let the release become champion."""

import dataclasses
from collections.abc import Iterable
from typing import Self

from schema.config.section import Frozen
from schema.errors import InputError


class RefusedError(InputError):
    """The release may not become champion; the message says why."""


class GateResult(Frozen):
    """The result of one gate of the config."""

    passed: bool
    """Whether the gate held."""

    sentence: str
    """The gate, its figure and its limit, for people."""


class Decision(Frozen):
    """Whether a model may become champion, and which release it was compared with."""

    baseline: int | None
    """The release that the model was compared with; None: nothing served."""

    passed: bool
    """Whether every gate held."""

    refusals: tuple[str, ...] = ()
    """The sentences of the gates that did not hold."""

    @classmethod
    def of(cls, baseline: int | None, gates: Iterable[GateResult]) -> Self:
        """Decide by the results of all gates."""
        refusals = tuple(gate.sentence for gate in gates if not gate.passed)
        return cls(baseline=baseline, passed=not refusals, refusals=refusals)

    def require(self, number: int, champion: int | None) -> None:
        """Refuse a release that failed a gate or was compared with an earlier champion.

        Args:
            number: of the release.
            champion: the release that serves now.

        Raises:
            RefusedError: says which gates failed, or which comparison is out of date.
        """
        if not self.passed:
            raise RefusedError("; ".join(self.refusals))
        if self.baseline != champion:
            raise RefusedError(
                f"release {number} was compared with {described(self.baseline)}, and "
                f"{described(champion)} serves now"
            )


@dataclasses.dataclass(frozen=True)
class Gathered:
    """The results of all gates of a run, its baseline, and the metrics behind them."""

    baseline: int | None
    gates: tuple[GateResult, ...]
    metrics: dict[str, float]

    @property
    def decision(self) -> Decision:
        """Whether the model may become champion."""
        return Decision.of(self.baseline, self.gates)


def described(number: int | None) -> str:
    """Return 'release 3', or 'nothing' for None."""
    return "nothing" if number is None else f"release {number}"
