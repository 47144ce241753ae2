"""The `evaluation` section of the config, and what it means in TFMA's terms."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from components.evaluation.names import METRICS
from trainer.config import Frozen


class Gate(Frozen):
    """A bound that a metric over all queries must keep, or nothing is shipped."""

    metric: str  # one of components.evaluation.names.METRICS
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.metric not in METRICS:
            raise ValueError(f"metric = {self.metric!r} is none of {', '.join(METRICS)}")
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a gate needs either at_least or at_most")
        return self


class EvaluationConfig(Frozen):
    """What is measured and what must hold."""

    split: str = "eval"
    slices: tuple[str, ...] = ()  # attributes; each value of each is a slice of the queries
    # TFMA blesses nothing when there is no threshold, so neither do we.
    gates: Annotated[tuple[Gate, ...], Field(min_length=1)]


def failed_bounds(gates: Sequence[Gate], values: dict[str, float]) -> list[str]:
    """One sentence for each gate that does not hold; a value that is no number never holds."""
    sentences = []
    for gate in gates:
        value = values[gate.metric]
        if gate.at_least is not None and not value >= gate.at_least:
            sentences.append(f"{gate.metric} is {value:.4g}, below the gate of {gate.at_least:g}")
        if gate.at_most is not None and not value <= gate.at_most:
            sentences.append(f"{gate.metric} is {value:.4g}, above the gate of {gate.at_most:g}")
    return sentences
