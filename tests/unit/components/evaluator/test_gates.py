"""The gates that a config may have, what they decide, and the line of each one."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from components.evaluator import gates as verdict
from components.evaluator.config import BOUNDS, Gate
from components.evaluator.metrics.measurement import Background, Estimate, Measurement, Results
from components.evaluator.metrics.registry import METRICS
from components.release.gates import GateResult
from tests.support.gates import MEDIAN, RECALL, compared, estimate, judged


@pytest.mark.parametrize(
    ("metric", "value", "bound", "sentence"),
    [
        (RECALL, 0.311, {"at_least": 0.4}, "0.311 [0.291, 0.331] < 0.400"),
        (RECALL, 0.311, {"at_least": 0.311}, "0.311 [0.291, 0.331] >= 0.311"),
        (MEDIAN, 7.5, {"at_most": 5}, "7.5 [7.48, 7.52] > 5"),
        (MEDIAN, 7.5, {"at_most": 7.5}, "7.5 [7.48, 7.52] <= 7.5"),
    ],
)
def test_an_absolute_gate_says_metric_value_interval_and_bound(metric, value, bound, sentence):
    found = judged(
        {(): {metric: Measurement(Background(180), estimate(value))}}, metric=metric, **bound
    )
    assert found.sentence == f"{metric} = {sentence}"
    assert found.passed == ("= " in sentence)


def test_a_value_just_below_the_bound_does_not_look_like_it():
    found = judged({(): {RECALL: Measurement(Background(180), estimate(0.39996))}}, at_least=0.4)
    assert found.sentence == f"{RECALL} = 0.39996 [0.37996, 0.41996] < 0.40000"
    assert not found.passed


def test_the_unknown_tokens_of_a_split_can_be_bounded():
    share = Measurement(
        Background(1_000), Estimate(0.02, 0.02, 0.02)
    )  # counted: its interval is a point
    for bound, passed in ((0.01, False), (0.02, True)):
        found = judged(
            {(): {"unknown_token_share": share}}, metric="unknown_token_share", at_most=bound
        )
        sentence = f"unknown_token_share = 0.020 {'<=' if passed else '>'} {bound:.3f}"
        assert found == GateResult(passed=passed, sentence=sentence)


@pytest.mark.parametrize(
    "bound",
    [{"at_least": 0.1}, {"not_worse_than_baseline_by": 0.1}, {"at_most": 0.1, "slice": "a"}],
)
def test_tokens_are_bounded_from_above_and_over_the_whole_split(bound):
    with pytest.raises(ValidationError, match="needs at_most and no slice"):
        Gate(metric="equal_caption_share", **bound)


def test_what_is_no_number_never_passes():
    nan = Measurement(Background(180), Estimate(math.nan, math.nan, math.nan))
    without: list[Results] = [{(): {RECALL: nan}}, {(): {}}, {}]
    for results in without:
        bounds: tuple[dict[str, Any], ...] = (
            {"at_least": 0},
            {"at_most": 1},
            {"not_worse_than_baseline_by": 1.0},
        )
        for bound in (*bounds, *({**each, "slice": "category"} for each in bounds if not results)):
            found = judged(results, **bound)
            assert found == GateResult(
                passed=False,
                sentence=f"{RECALL} was not measured, and the gate needs a number",
            )
    unclear = Measurement(
        Background(180), estimate(0.5), estimate(0.5), Estimate(math.nan, math.nan, math.nan)
    )
    assert not judged({(): {RECALL: unclear}}, 3, not_worse_than_baseline_by=1.0).passed


def test_a_candidate_that_is_worse_for_sure_fails():
    results: Results = {(): {RECALL: compared(0.786, 0.82, -0.05, -0.02)}}
    assert judged(results, 3, not_worse_than_baseline_by=0.01) == GateResult(
        passed=False,
        sentence=f"{RECALL} - release 3 = 0.786 - 0.820 = -0.034 [-0.050, -0.020], "
        "lower end < -0.010",
    )


def test_noise_does_not_promote():
    # 0.01 better on average, and it may be 0.03 worse.
    results: Results = {(): {RECALL: compared(0.83, 0.82, -0.03, 0.05)}}
    found = judged(results, 3, not_worse_than_baseline_by=0.02)
    assert not found.passed
    assert found.sentence == (
        f"{RECALL} - release 3 = 0.830 - 0.820 = 0.010 [-0.030, 0.050], lower end < -0.020"
    )
    assert judged(results, 3, not_worse_than_baseline_by=0.03).passed


def test_where_lower_is_better_the_upper_end_is_compared():
    # The median falls from 9 to 6.
    results: Results = {(): {MEDIAN: compared(6.0, 9.0, -5.0, -1.0)}}
    found = judged(results, 7, metric=MEDIAN, not_worse_than_baseline_by=0.0)
    assert found.passed
    assert found.sentence == f"{MEDIAN} - release 7 = 6 - 9 = -3 [-5, -1], upper end <= 0.000"
    results = {(): {MEDIAN: compared(9.0, 6.0, 1.0, 5.0)}}
    assert not judged(results, 7, metric=MEDIAN, not_worse_than_baseline_by=4.5).passed
    assert judged(results, 7, metric=MEDIAN, not_worse_than_baseline_by=5.0).passed


def test_the_metrics_where_lower_is_better():
    assert {name for name, metric in METRICS.items() if metric.lower_is_better} == {
        *("text_to_image_median_rank", "text_to_image_mean_rank"),
        *("image_to_text_median_rank", "image_to_text_mean_rank"),
        *("modality_gap", "image_uniformity", "text_uniformity"),
        *("unknown_token_share", "equal_caption_share"),
    }


def test_a_model_that_is_the_same_passes_the_strictest_gate():
    results: Results = {(): {RECALL: compared(0.5, 0.5, 0.0, 0.0)}}
    found = judged(results, 2, not_worse_than_baseline_by=0.0)
    assert found.passed
    assert found.sentence == (f"{RECALL} - release 2 = 0.500 - 0.500 = 0.000, lower end >= 0.000")


def test_without_a_baseline_there_is_nothing_to_compare_with_and_the_gate_passes():
    results: Results = {(): {RECALL: Measurement(Background(180), estimate(0.5))}}
    assert judged(results, not_worse_than_baseline_by=0.0) == GateResult(
        passed=True,
        sentence=f"{RECALL} = 0.500 [0.480, 0.520], without a release to compare with",
    )


def test_each_bound_of_the_config_can_be_compared():
    assert tuple(verdict._KINDS) == BOUNDS
