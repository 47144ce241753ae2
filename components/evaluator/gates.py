"""Whether a model may be shipped, in sentences for people."""

import math
from pathlib import Path

from components.evaluator.config import EvaluationConfig, Gate
from components.evaluator.metrics.measurement import Estimate, Measurement, Results
from components.evaluator.metrics.names import LOWER_IS_BETTER
from components.release.gates import GateResult
from schema.config.section import Frozen

FILE = "verdict.json"  # in the Evaluator's evaluation artifact
TOLD = 2  # values of a slice that one sentence names
ROUNDING = 1e-9  # the same sum in another order is no loss


class Verdict(Frozen):
    """How all of them went: one that fails refuses the model."""

    passed: bool
    baseline: int | None  # the release compared with
    gates: tuple[GateResult, ...]  # in the order of the config
    metrics: dict[str, float]  # of the candidate over all queries


def decide(config: EvaluationConfig, results: Results, baseline: int | None) -> Verdict:
    """Hold measurements to the gates.

    Args:
        config: the gates, and the confidence of the intervals.
        results: measurements by slice, those of all queries under ().
        baseline: the release that the results compare with.
    """
    judge = _Judge(config.confidence, results, baseline)
    gates = tuple(judge.gate(gate) for gate in config.gates)
    return Verdict(
        passed=all(gate.passed for gate in gates),
        baseline=baseline,
        gates=gates,
        metrics={
            name: measured.candidate.value
            for name, measured in results.get((), {}).items()
            if math.isfinite(measured.candidate.value)
        },
    )


def write(verdict: Verdict, uri: str) -> None:
    """Keep a verdict with the evaluation it stems from."""
    from tfx.utils import io_utils  # heavy, and only the Evaluator writes: to an object store too

    io_utils.write_string_file(f"{uri}/{FILE}", verdict.model_dump_json(indent=1) + "\n")


def read(uri: str) -> Verdict:
    """The verdict of an evaluation artifact."""
    return Verdict.model_validate_json(Path(uri, FILE).read_text(encoding="utf-8"))


class _Judge:
    def __init__(self, confidence: float, results: Results, baseline: int | None):
        self._confidence, self._results, self._baseline = confidence, results, baseline

    def gate(self, gate: Gate) -> GateResult:
        overall = self._results.get((), {}).get(gate.metric)
        # A slice in which a metric is missing has too few queries; a split, the wrong data.
        if gate.slice is not None and overall is not None:
            return self._each_value(gate, gate.slice)
        passed, words = self._one(gate, overall)
        return GateResult(passed=passed, sentence=f"{gate.metric} {words}")

    def _each_value(self, gate: Gate, name: str) -> GateResult:
        values = sorted(
            (key[1], measured.get(gate.metric))
            for key, measured in self._results.items()
            if key and key[0] == name
        )
        held = [(v, m) for v, m in values if m is not None and m.count >= gate.minimum_count]
        small = len(values) - len(held)
        least = f"fewer than {gate.minimum_count} queries"
        if not held:
            sentence = f"{gate.metric} is held nowhere: no {name} has {gate.minimum_count} queries"
            return GateResult(passed=True, sentence=sentence)
        judged = [(v, m.count, *self._one(gate, m)) for v, m in held]
        failures = [each for each in judged if not each[2]]
        # The largest weighs most among failures; chance has most to say in the smallest that holds.
        failures.sort(key=lambda each: -each[1])
        told = failures[:TOLD] or [min(judged, key=lambda each: each[1])]
        sentence = "; ".join(
            f"{gate.metric} where {name} is {value!r} ({count} queries) {words}"
            for value, count, _, words in told
        )
        alike = len(failures or held) - len(told)
        if alike:
            sentence += f"; so it is with the {_other(alike, 'value')} of {name}"
        if small:
            sentence += f"; {_times(small, 'value')} of {name} with {least} {_are(small)} not held"
        return GateResult(passed=not failures, sentence=sentence)

    def _one(self, gate: Gate, measured: Measurement | None) -> tuple[bool, str]:
        """Whether a measurement passes, and what is to be said behind the metric's name."""
        value = measured.candidate.value if measured else math.nan
        if measured is None or not math.isfinite(value):
            return False, "could not be measured, and the gate needs a number"
        if gate.at_least is not None:
            passed = value >= gate.at_least
            bound = f"{'no less than' if passed else 'below'} the gate of {gate.at_least:g}"
            return passed, f"is {_estimate(measured.candidate)}, {bound}"
        if gate.at_most is not None:
            passed = value <= gate.at_most
            bound = f"{'no more than' if passed else 'above'} the gate of {gate.at_most:g}"
            return passed, f"is {_estimate(measured.candidate)}, {bound}"
        return self._against_baseline(gate, measured)

    def _against_baseline(self, gate: Gate, measured: Measurement) -> tuple[bool, str]:
        allowed = gate.not_worse_than_baseline_by
        assert allowed is not None
        if measured.baseline is None or measured.difference is None:
            told = f"is {_estimate(measured.candidate)}, and there is no release to compare it with"
            return True, told
        gain = measured.difference
        if gate.metric in LOWER_IS_BETTER:
            gain = Estimate(-gain.value, -gain.high, -gain.low)
        release = "the baseline" if self._baseline is None else f"release {self._baseline}"
        passed = gain.low >= -allowed - ROUNDING
        return passed, (
            f"is {_number(measured.candidate.value)}, {_change(gain.value)} {release} "
            f"({_number(measured.baseline.value)}); with {100 * self._confidence:g} % confidence "
            f"{_range(gain)}, and the gate allows {allowed:g} worse"
        )


def _estimate(estimate: Estimate) -> str:
    if estimate.low == estimate.high:  # counted, and not estimated from a sample
        return _number(estimate.value)
    return f"{_number(estimate.value)} ({_number(estimate.low)} to {_number(estimate.high)})"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


def _change(gain: float) -> str:
    if abs(gain) <= ROUNDING:
        return "the same as"
    return f"{_number(abs(gain))} {'better' if gain > 0 else 'worse'} than"


def _range(gain: Estimate) -> str:
    if max(abs(gain.low), abs(gain.high)) <= ROUNDING:
        return "no different"
    ends = [(abs(end), "better" if end > 0 else "worse") for end in (gain.low, gain.high)]
    if ends[0][1] == ends[1][1]:
        return f"between {_number(ends[0][0])} and {_number(ends[1][0])} {ends[0][1]}"
    return " and ".join(
        [f"between {_number(ends[0][0])} {ends[0][1]}", f"{_number(ends[1][0])} {ends[1][1]}"]
    )


def _times(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _other(count: int, word: str) -> str:
    return f"other {word}" if count == 1 else f"{count} other {word}s"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
