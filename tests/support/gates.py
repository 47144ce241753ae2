"""Measurements by hand, and what a gate decides about them."""

from components.evaluator.config import EvaluationConfig, Gate
from components.evaluator.gates import decide
from components.evaluator.metrics.measurement import Background, Estimate, Measurement, Results
from components.release.gates import GateResult

RECALL, MEDIAN = "text_to_image_recall_at_1", "text_to_image_median_rank"


def estimate(value: float, spread: float = 0.02) -> Estimate:
    return Estimate(value, value - spread, value + spread)


def compared(candidate: float, baseline: float, low: float, high: float) -> Measurement:
    """A measurement whose difference has the given interval."""
    difference = Estimate(candidate - baseline, low, high)
    return Measurement(Background(500), estimate(candidate), estimate(baseline), difference)


def judged(results: Results, baseline: int | None = None, **bound) -> GateResult:
    gate = Gate(metric=bound.pop("metric", RECALL), **bound)
    slices = (gate.slice,) if gate.slice else ()
    config = EvaluationConfig(gates=(gate,), slices=slices)
    decided = decide(config, results, baseline)
    assert decided.passed == decided.gates[0].passed
    return decided.gates[0]
