"""Gates of slices and of retained data, and the verdict of all gates together."""

import math

import pytest
from pydantic import ValidationError

from components.evaluator import gates as verdict
from components.evaluator.config import EvaluationConfig, Gate
from components.evaluator.gates import decide
from components.evaluator.metrics.measurement import Background, Estimate, Measurement, Results
from components.release.gates import GateResult
from tests.support.gates import MEDIAN, RECALL, compared, estimate, judged


def by_category(**found: tuple[int, float]) -> Results:
    return {
        ("category", name): {RECALL: Measurement(Background(count), estimate(value))}
        for name, (count, value) in found.items()
    }


def test_each_value_of_a_slice_is_held():
    results = by_category(animals=(120, 0.2), flags=(50, 0.3), food=(70, 0.5), symbols=(49, 0.0))
    results[()] = {RECALL: Measurement(Background(289), estimate(0.1))}  # not asked about
    results[("vendor", "noto")] = {RECALL: Measurement(Background(289), estimate(0.1))}
    found = judged(results, slice="category", at_least=0.4)
    assert found == GateResult(
        passed=False,
        sentence=f"{RECALL} [category = 'animals', 120 queries] = 0.200 [0.180, 0.220] < 0.400; "
        f"{RECALL} [category = 'flags', 50 queries] = 0.300 [0.280, 0.320] < 0.400; "
        "1 value of category with fewer than 50 queries is not judged",
    )
    found = judged(results, slice="category", at_least=0.15)
    assert found == GateResult(
        passed=True,
        sentence=f"{RECALL} [category = 'flags', 50 queries] = 0.300 [0.280, 0.320] >= 0.150; "
        "2 other values of category pass; 1 value of category with fewer than 50 queries is not "
        "judged",
    )


def test_a_slice_with_too_few_queries_is_not_held_and_the_sentence_says_so():
    results = by_category(animals=(9, 0.0), flags=(8, 0.0))
    results[()] = {RECALL: Measurement(Background(17), estimate(0.0))}
    assert judged(results, slice="category", at_least=0.4) == GateResult(
        passed=True, sentence=f"{RECALL} [category]: no value has 50 queries, none is held"
    )
    found = judged(results, slice="category", at_least=0.4, minimum_count=9)
    assert not found.passed
    assert "[category = 'animals', 9 queries]" in found.sentence


def test_a_slice_is_compared_with_the_same_slice_of_the_baseline():
    results: Results = {
        (): {RECALL: compared(0.65, 0.65, -0.05, 0.05)},
        ("category", "flags"): {RECALL: compared(0.6, 0.7, -0.2, -0.05)},
        ("category", "food"): {RECALL: compared(0.7, 0.6, 0.05, 0.2)},
    }
    found = judged(results, 4, slice="category", not_worse_than_baseline_by=0.1)
    assert not found.passed
    assert found.sentence.startswith(
        f"{RECALL} [category = 'flags', 500 queries] - release 4 = 0.600 - 0.700 = -0.100 ["
    )
    assert "food" not in found.sentence


def test_one_gate_that_fails_refuses_and_the_verdict_is_kept(tmp_path):
    gates = (Gate(metric=RECALL, at_least=0.4), Gate(metric=MEDIAN, at_most=5.0))
    nan = Measurement(Background(3), Estimate(math.nan, math.nan, math.nan))
    results: Results = {
        (): {
            RECALL: Measurement(Background(180), estimate(0.5)),
            MEDIAN: Measurement(Background(180), estimate(7.0)),
            "pair_auc": nan,
        }
    }
    decided = decide(EvaluationConfig(gates=gates), results, 12)
    assert [gate.passed for gate in decided.gates] == [True, False]
    assert not decided.passed
    assert decided.baseline == 12
    assert decided.metrics == {RECALL: 0.5, MEDIAN: 7.0}
    verdict.write(decided, str(tmp_path))
    assert (tmp_path / "verdict.json").is_file()
    assert verdict.read(str(tmp_path)) == decided


def test_a_gate_of_retained_data_names_them_and_what_they_are_compared_with():
    gate = Gate(metric=RECALL, data="noto", not_worse_than_baseline_by=0.02)
    config = EvaluationConfig(gates=(gate, Gate(metric=RECALL, at_least=0.5)))
    here: Results = {(): {RECALL: Measurement(Background(500), estimate(0.6))}}
    for low, passed in ((-0.019, True), (-0.021, False)):
        there: Results = {(): {RECALL: compared(0.59, 0.60, low, 0.001)}}
        decided = decide(config, here, 3, {"noto": there})
        assert [each.passed for each in decided.gates] == [passed, True]
        assert decided.passed == passed
        assert decided.gates[0].sentence == (
            f"{RECALL} on noto - release 3 = 0.590 - 0.600 = -0.010 [{low:.3f}, 0.001], "
            f"lower end {'>=' if passed else '<'} -0.020"
        )
        assert decided.metrics == {RECALL: 0.6, f"noto/{RECALL}": 0.59}
        from_start = decide(config, here, None, {"noto": there}, start=True)
        assert from_start.baseline is None
        assert f"{RECALL} on noto - the release that it starts from = 0.590" in (
            from_start.gates[0].sentence
        )


def test_what_is_measured_of_the_tokens_alone_has_no_retained_data():
    with pytest.raises(ValidationError, match="and no data"):
        Gate(metric="equal_caption_share", at_most=0.1, data="noto")
