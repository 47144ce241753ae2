"""Metrics of ranks, classes and pairs by hand or against slow references."""

import numpy as np
import pytest

from components.evaluator.metrics.measure import measure
from components.evaluator.metrics.measurement import Measurements
from components.evaluator.metrics.scores import Scores
from tests.support.metric_names import (
    EMBEDDING_METRICS,
    RANK_METRICS,
    SCORED_METRICS,
)
from tests.support.scores import random_scores, scores_of

NAN = float("nan")


def measured(parts: list[Scores], resamples: int = 100) -> Measurements:
    return measure(Scores.concatenate(parts), resamples, 0.95)


def values(parts: list[Scores]) -> dict[str, float]:
    return {name: each.candidate.value for name, each in measured(parts).items()}


def test_statistics_of_ranks_by_hand():
    found = values(scores_of([1, 2.5, 40], [[1, 6], [1], [2.5, 40]]))
    # Ranks of the five captions: 1, 6, 1, 2.5, 40.
    assert found["text_to_image_recall_at_1"] == pytest.approx(2 / 5)
    assert found["text_to_image_recall_at_5"] == pytest.approx(3 / 5)
    assert found["text_to_image_recall_at_10"] == pytest.approx(4 / 5)
    # (1 + 1/6 + 1 + 1/2.5 + 1/40) / 5; each query has one match, so mAP is MRR.
    assert found["text_to_image_mrr"] == pytest.approx(2.5916666 / 5)
    assert found["text_to_image_map"] == pytest.approx(2.5916666 / 5)
    assert found["text_to_image_median_rank"] == 2.5
    assert found["text_to_image_mean_rank"] == pytest.approx(50.5 / 5)
    # Ranks of the three images: 1, 2.5, 40.
    assert found["image_to_text_recall_at_1"] == pytest.approx(1 / 3)
    assert found["image_to_text_median_rank"] == 2.5
    assert found["image_to_text_mean_rank"] == pytest.approx(43.5 / 3)


def test_recall_counts_a_rank_of_k_and_none_beyond():
    found = values(scores_of([1, 1.5, 5, 5.5, 10, 10.5], [[1]] * 6))
    assert found["image_to_text_recall_at_1"] == pytest.approx(1 / 6)
    assert found["image_to_text_recall_at_5"] == pytest.approx(3 / 6)
    assert found["image_to_text_recall_at_10"] == pytest.approx(5 / 6)


def test_zero_shot_accuracy_by_hand():
    found = measured(scores_of([1] * 5, [[1]] * 5, classes=[1, 5, 5.5, 6, NAN]))
    assert found["zero_shot_top_1"].candidate.value == pytest.approx(1 / 4)
    assert found["zero_shot_top_5"].candidate.value == pytest.approx(2 / 4)
    assert found["zero_shot_top_5"].count == 4  # the fifth image has no class


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two():
    assert values(scores_of([1, 2, 4, 9], [[1]] * 4))["image_to_text_median_rank"] == 3


@pytest.mark.parametrize("records", [1, 2, 9, 10])
def test_the_median_is_numpys(records):
    parts = random_scores(records, seed=records)
    ranks = np.concatenate([part.texts[:, 0, 0] for part in parts])
    known = ranks[~np.isnan(ranks)]
    assert values(parts)["text_to_image_median_rank"] == np.median(known)


def test_the_mean_average_precision_is_the_mean_of_the_average_precisions():
    parts = scores_of([1, 2], [[1], [2]])
    parts[0].images[0, 0, 1], parts[1].images[0, 0, 1] = 0.75, 0.5  # several matches each
    assert values(parts)["image_to_text_map"] == pytest.approx(0.625)
    assert values(parts)["image_to_text_mrr"] == pytest.approx(0.75)


def test_what_is_no_query_counts_nowhere():
    found = measured(scores_of([1, NAN], [[1, NAN], [NAN]], labels=[[True, False], [False]]))
    assert found["text_to_image_recall_at_1"].count == 1
    assert found["text_to_image_recall_at_1"].candidate.value == 1
    assert found["image_to_text_mrr"].count == 1


def test_only_what_a_slice_allows_is_measured():
    found = measured(scores_of([1, 1], [[1], [1]]))
    assert set(found) == {*RANK_METRICS, *EMBEDDING_METRICS}
    # One record: no two to be apart from each other.
    alone = measured(scores_of([1], [[1]]))
    assert set(found) - set(alone) == {"image_uniformity", "text_uniformity"}
    mismatches = scores_of([NAN, NAN], [[NAN], [NAN]], labels=[[False], [False]])
    assert set(measured(mismatches)) == set(EMBEDDING_METRICS)
    full = measured(random_scores(50, seed=0))
    assert set(full) == set(SCORED_METRICS)


def test_pairs_by_hand():
    parts = scores_of(
        [1, 1],
        [[1, NAN], [1, NAN]],
        similarities=[[0.9, 0.2], [0.5, 0.5]],
        labels=[[True, False], [True, False]],
    )
    found = values(parts)
    # Matches 0.9 and 0.5, mismatches 0.2 and 0.5: of four comparisons 0.9 > 0.2, 0.9 > 0.5 and
    # 0.5 > 0.2 are right, 0.5 = 0.5 is half right.
    assert found["pair_auc"] == pytest.approx(3.5 / 4)
    # Called a match from 0.9 on: 0.9, 0.2 and the mismatch 0.5 are right; from 0.5 on: all but it.
    assert found["pair_best_accuracy"] == pytest.approx(3 / 4)


def test_a_model_that_prefers_mismatches_is_best_when_it_calls_all_the_same():
    labels = [[True, False, False]]
    found = values(scores_of([1], [[1, NAN, NAN]], [[0.1, 0.8, 0.9]], labels))
    assert found["pair_auc"] == 0
    assert found["pair_best_accuracy"] == pytest.approx(2 / 3)  # nothing called a match
    labels = [[True, True, False]]
    found = values(scores_of([1], [[1, 1, NAN]], [[0.1, 0.2, 0.9]], labels))
    assert found["pair_best_accuracy"] == pytest.approx(2 / 3)  # everything called a match


def test_area_and_accuracy_are_those_of_a_slow_count():
    parts = random_scores(300, seed=1)
    labels = np.concatenate([part.labels for part in parts])
    similarities = np.concatenate([part.texts[:, 0, 2] for part in parts])
    assert len(np.unique(similarities)) < 20  # many ties
    found = values(parts)
    # Every match against every mismatch: won, or a tie that counts half.
    contests = similarities[labels][:, None] - similarities[~labels]
    area = (contests > 0).mean() + (contests == 0).mean() / 2
    assert found["pair_auc"] == pytest.approx(area, abs=1e-12)
    thresholds = [*np.unique(similarities), np.inf]
    best = max(((similarities >= t) == labels).mean() for t in thresholds)
    assert found["pair_best_accuracy"] == pytest.approx(best, abs=1e-12)
