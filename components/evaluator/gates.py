"""Decide whether a model may be shipped, with one line that says why for each gate of the config.

A line reads `text_to_image_recall_at_1 = 0.583 [0.560, 0.606] >= 0.400`; the brackets hold the
confidence interval. With a retained data set its name stands behind the metric: `... on noto`.
A kind of gate is a key of `config.Gate` and a function of `_KINDS`.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from components.evaluator.config import EvaluationConfig, Gate
from components.evaluator.metrics.measurement import Estimate, Measurement, Results
from components.evaluator.metrics.registry import METRICS
from components.release.gates import GateResult
from schema.config.section import Frozen
from schema.text.messages import number_of

FILE = "verdict.json"  # in the Evaluator's evaluation artifact
SHOWN = 2  # values of a slice that one line names
START = "the release that it starts from"  # instead of the number of a baseline
ROUNDING = 1e-9  # the same sum in another order is not a loss
Compared = int | str | None  # the release that is compared with: a number, words, or none


class Verdict(Frozen):
    """Say how all gates went: one that fails refuses the model."""

    passed: bool
    baseline: int | None  # the release compared with
    gates: tuple[GateResult, ...]  # in the order of the config
    metrics: dict[str, float]  # of the candidate over all queries; `noto/...` of retained data


def decide(
    config: EvaluationConfig,
    results: Results,
    baseline: int | None,
    retained: Mapping[str, Results] = MappingProxyType({}),
    start: bool = False,
) -> Verdict:
    """Compare measurements with the gates.

    Args:
        config: the gates.
        results: measurements by slice, those of all queries under ().
        baseline: the release that the results compare with.
        retained: the same of retained data sets, by name.
        start: whether those compare with the release that the run started from.
    """
    gates = tuple(
        _decide_one(gate, results, baseline)
        if gate.data is None
        else _decide_one(gate, retained[gate.data], START if start else baseline)
        for gate in config.gates
    )
    data_sets = {"": results, **{f"{name}/": of_data for name, of_data in retained.items()}}
    return Verdict(
        passed=all(gate.passed for gate in gates),
        baseline=baseline,
        gates=gates,
        metrics={
            prefix + name: measured.candidate.value
            for prefix, of_data in data_sets.items()
            for name, measured in of_data.get((), {}).items()
            if math.isfinite(measured.candidate.value)
        },
    )


def write(verdict: Verdict, uri: str) -> None:
    """Write a verdict into an evaluation artifact, which may lie in an object store."""
    from tfx.utils import io_utils  # heavy, and only the Evaluator writes

    io_utils.write_string_file(f"{uri}/{FILE}", verdict.model_dump_json(indent=1) + "\n")


def read(uri: str) -> Verdict:
    """Read the verdict of an evaluation artifact."""
    return Verdict.model_validate_json(Path(uri, FILE).read_text(encoding="utf-8"))


def _decide_one(gate: Gate, results: Results, baseline: Compared) -> GateResult:
    overall = results.get((), {}).get(gate.metric)
    # A slice in which a metric is missing has too few queries; a split, the wrong data.
    if gate.slice is not None and overall is not None:
        return _decide_slice(gate, gate.slice, results, baseline)
    return _compare(gate, _what(gate), overall, baseline)


def _what(gate: Gate) -> str:
    return gate.metric if gate.data is None else f"{gate.metric} on {gate.data}"


def _decide_slice(gate: Gate, name: str, results: Results, baseline: Compared) -> GateResult:
    """Compare each value of a slice that has enough queries."""
    values = [
        (value[1], measured.get(gate.metric))
        for value, measured in results.items()
        if value and value[0] == name
    ]
    held = [(v, m) for v, m in sorted(values) if m is not None and m.count >= gate.minimum_count]
    small = len(values) - len(held)
    if not held:
        sentence = (
            f"{_what(gate)} [{name}]: no value has {gate.minimum_count} queries, none is held"
        )
        return GateResult(passed=True, sentence=sentence)
    decided = [
        (m.count, _compare(gate, _place(_what(gate), name, v, m.count), m, baseline))
        for v, m in held
    ]
    failures = [each for each in decided if not each[1].passed]
    # The largest weighs most among failures; chance has most to say in the smallest that holds.
    failures.sort(key=lambda each: -each[0])
    shown = failures[:SHOWN] or [min(decided, key=lambda each: each[0])]
    parts = [result.sentence for _, result in shown]
    if alike := len(failures or held) - len(shown):
        verb = (
            ("fails" if alike == 1 else "fail")
            if failures
            else ("passes" if alike == 1 else "pass")
        )
        parts.append(f"{number_of(alike, 'other value')} of {name} {verb}")
    if small:
        verb = "is" if small == 1 else "are"
        few = f"fewer than {gate.minimum_count} queries"
        parts.append(f"{number_of(small, 'value')} of {name} with {few} {verb} not judged")
    return GateResult(passed=not failures, sentence="; ".join(parts))


def _place(metric: str, name: str, value: str, count: int) -> str:
    return f"{metric} [{name} = {value!r}, {number_of(count, 'query')}]"


def _compare(gate: Gate, what: str, measured: Measurement | None, baseline: Compared) -> GateResult:
    """Compare one measurement; `what` is its metric, with the value of the slice."""
    if measured is None or not math.isfinite(measured.candidate.value):
        return GateResult(
            passed=False, sentence=f"{what} was not measured, and the gate needs a number"
        )
    [(compare, bound)] = [
        (compare, bound)
        for kind, compare in _KINDS.items()
        if (bound := getattr(gate, kind)) is not None
    ]
    passed, words = compare(gate.metric, bound, measured, baseline)
    return GateResult(passed=passed, sentence=f"{what} {words}")


def _at_least(
    _metric: str, bound: float, measured: Measurement, _baseline: Compared
) -> tuple[bool, str]:
    passed = measured.candidate.value >= bound
    return passed, f"= {_bounded(measured.candidate, '>=' if passed else '<', bound)}"


def _at_most(
    _metric: str, bound: float, measured: Measurement, _baseline: Compared
) -> tuple[bool, str]:
    passed = measured.candidate.value <= bound
    return passed, f"= {_bounded(measured.candidate, '<=' if passed else '>', bound)}"


def _not_worse_than_baseline_by(
    metric: str, allowed: float, measured: Measurement, baseline: Compared
) -> tuple[bool, str]:
    """Compare the end of the interval that is worse, so that luck promotes nothing."""
    if measured.baseline is None or measured.difference is None:
        return True, f"= {_interval(measured.candidate)}, without a release to compare with"
    difference = measured.difference
    if METRICS[metric].lower_is_better:
        passed = difference.high <= allowed + ROUNDING
        limit = f"upper end {'<=' if passed else '>'} {_number(allowed)}"
    else:
        passed = difference.low >= -allowed - ROUNDING
        limit = f"lower end {'>=' if passed else '<'} {_number(-allowed)}"
    release = "the baseline" if baseline is None else f"release {baseline}"
    if isinstance(baseline, str):
        release = baseline
    values = f"{_number(measured.candidate.value)} - {_number(measured.baseline.value)}"
    return passed, f"- {release} = {values} = {_interval(difference)}, {limit}"


# Each key of a gate: from the metric, the bound, a measurement and the release of the baseline to
# whether the measurement passes, and what the line says behind the metric.
_Kind = Callable[[str, float, Measurement, Compared], tuple[bool, str]]
_KINDS: Mapping[str, _Kind] = {
    "at_least": _at_least,
    "at_most": _at_most,
    "not_worse_than_baseline_by": _not_worse_than_baseline_by,
}


def _bounded(estimate: Estimate, sign: str, bound: float) -> str:
    """'0.583 [0.560, 0.606] >= 0.400', with as many digits as tell the value from the bound."""
    for digits in range(3, 10):
        line = f"{_interval(estimate, digits)} {sign} {_number(bound, digits)}"
        if estimate.value == bound or _number(estimate.value, digits) != _number(bound, digits):
            break
    return line


def _interval(estimate: Estimate, digits: int = 3) -> str:
    value, low, high = (
        _number(each, digits) for each in (estimate.value, estimate.low, estimate.high)
    )
    if estimate.low == estimate.high:  # counted, and not estimated from a sample
        return value
    return f"{value} [{low}, {high}]"


def _number(value: float, digits: int = 3) -> str:
    """Show three decimals below 1, and three digits of what is larger or very small."""
    value += 0.0  # -0.0 is 0
    if value == 0 or 0.001 <= abs(value) < 1:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}g}" if abs(value) < 100 else f"{value:.{digits - 2}f}"
