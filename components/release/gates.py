"""The gates of a release: how each one went, and what that decides."""

import dataclasses

from schema.config.section import Frozen


class GateResult(Frozen):
    """How one gate of the config went."""

    passed: bool
    sentence: str


class Decision(Frozen):
    """Whether a model may become champion, and instead of which."""

    baseline: int | None  # the release it was compared with
    passed: bool
    refusals: tuple[str, ...] = ()  # why not, one sentence a gate


@dataclasses.dataclass(frozen=True)
class Gathered:
    """How each gate went, what the model was compared with, and the figures behind it."""

    baseline: int | None
    gates: tuple[GateResult, ...]
    metrics: dict[str, float]

    @property
    def decision(self) -> Decision:
        """Whether the model may become champion."""
        refusals = tuple(gate.sentence for gate in self.gates if not gate.passed)
        return Decision(baseline=self.baseline, passed=not refusals, refusals=refusals)
