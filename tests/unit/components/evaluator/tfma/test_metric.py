"""Metrics by hand or against slow references; gathered by the combiner, kept by TFMA."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components.evaluator.metrics import embedding_sample
from components.evaluator.metrics.embedding_space import EmbeddingStatistics
from components.evaluator.metrics.measure import measure
from components.evaluator.metrics.measurement import Measurements
from components.evaluator.metrics.scores import Scores
from components.evaluator.tfma.metric import LOOSE, SCORES, MeasureFn, RetrievalMetrics, join_small
from schema.text.stable_hash import hash_of
from tests.support.metric_names import (
    EMBEDDING_METRICS,
    PAIR_METRICS,
    RANK_METRICS,
    SCORED_METRICS,
    ZERO_SHOT_METRICS,
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


def test_embeddings_by_hand():
    # Two images at right angles, lengths 2 and 3; three captions along one of them.
    images = [np.array([2.0, 0]), np.array([0, 3.0])]
    texts = [np.array([[1.0, 0], [1, 0]]), np.array([[5.0, 0]])]
    parts = scores_of([1, 1], [[1, 1], [1]], embeddings=list(zip(images, texts, strict=True)))
    found = values(parts)
    # Mean image (1/2, 1/2), mean text (1, 0): the difference has length sqrt(1/4 + 1/4).
    assert found["modality_gap"] == pytest.approx(np.sqrt(0.5))
    assert found["image_embedding_variance"] == pytest.approx(1 - 0.5)
    assert found["text_embedding_variance"] == pytest.approx(0, abs=1e-9)  # collapsed
    # The images lie at a squared distance of 2, the captions at none: log exp(-2 * 2), log 1.
    assert found["image_uniformity"] == pytest.approx(-4, abs=1e-6)
    assert found["text_uniformity"] == pytest.approx(0, abs=1e-6)


def test_a_repeated_text_is_one_point_of_the_space():
    # 'a' along one axis with three images, 'b' along the other one with the fourth.
    images, axes = np.eye(4), {"a": np.array([1.0, 0, 0, 0]), "b": np.array([0, 1.0, 0, 0])}
    said = [["a"], ["A ", "b"], ["a"], ["b"]]
    spaces = [
        (image, np.array([axes[each.strip().lower()] for each in texts]))
        for image, texts in zip(images, said, strict=True)
    ]
    parts = scores_of([1] * 4, [[1] * len(s) for s in said], embeddings=spaces, captions=said)
    for order in (parts, parts[::-1], [parts[1], parts[0], parts[3], parts[2]]):
        found = measured(order)
        # The mean of the two texts is (1/2, 1/2, 0, 0), of the four images (1/4, ...).
        assert found["text_embedding_variance"].candidate.value == pytest.approx(1 / 2)
        assert found["text_embedding_variance"].count == 2
        assert found["text_uniformity"].candidate.value == pytest.approx(-4)
        assert found["modality_gap"].candidate.value == pytest.approx(1 / 2)
    same = scores_of([1] * 4, [[1]] * 4, captions=[["a"]] * 4)
    assert "text_uniformity" not in measured(same)  # one text has no other


def test_of_two_roundings_of_a_text_the_one_of_the_least_hash_counts():
    spaces = [(np.eye(3)[n], np.eye(3)[[n]]) for n in range(2)]
    parts = scores_of([1, 1], [[1], [1]], embeddings=spaces, captions=[["a"], ["a"]])
    least = min(range(2), key=lambda n: hash_of(parts[n].keys[0]))
    for order in (parts, parts[::-1]):
        joined = Scores.concatenate(order).sample.spaces[0].texts
        np.testing.assert_array_equal(joined, np.eye(3)[[least]])


def test_uniformity_is_that_of_every_pair_one_by_one():
    parts = random_scores(120, seed=2)
    ordered = [part.sample.spaces[0] for part in parts]
    for name, field in (("image_uniformity", "images"), ("text_uniformity", "texts")):
        vectors = np.concatenate([getattr(space, field) for space in ordered]).astype(float)
        pairs = [((a - b) ** 2).sum() for n, a in enumerate(vectors) for b in vectors[:n]]
        expected = np.log(np.exp(-2 * np.array(pairs)).mean())
        assert values(parts)[name] == pytest.approx(expected, abs=1e-5)


def test_the_mean_image_is_that_of_all_records_though_only_a_sample_is_kept(monkeypatch):
    monkeypatch.setattr(embedding_sample, "SAMPLE_SIZE", 40)
    parts = random_scores(200, seed=3)
    joined = Scores.concatenate(parts)
    assert joined.sample.spaces[0].images.shape == (40, 8)
    least = sorted(hash_of(key) for key in joined.keys)[:40]
    assert joined.sample.hashes.tolist() == least
    images = np.concatenate([part.sample.spaces[0].images for part in parts]).mean(0)
    ids = np.concatenate([part.sample.text_ids for part in parts])
    texts = np.concatenate([part.sample.spaces[0].texts for part in parts])
    texts = texts[np.argsort(ids)[:40]].mean(0)  # all differ
    found = values(parts)
    assert found["modality_gap"] == pytest.approx(np.linalg.norm(images - texts), abs=1e-6)
    assert found["image_embedding_variance"] == pytest.approx(1 - images @ images, abs=1e-6)
    statistics = EmbeddingStatistics(joined)
    assert statistics.background["modality_gap"].count == 200
    assert statistics.background["text_embedding_variance"].count == 40
    assert statistics.background["image_uniformity"].count == 40


def test_a_zero_embedding_stays_zero():
    assert embedding_sample.unit(np.array([[0.0, 0], [3, 4]])).tolist() == [
        [0, 0],
        [0.6000000238418579, 0.800000011920929],
    ]


class Element:
    """What TFMA hands to a combiner."""

    def __init__(self, scores: Scores):
        self._scores = np.empty(1, object)
        self._scores[0] = scores

    def get_features(self) -> dict[str, Any]:
        return {SCORES: self._scores}


def gathered(parts: list[Scores], bundles: int) -> dict:
    [computation] = RetrievalMetrics(resamples=100, confidence=0.9).computations()
    combiner = computation.combiner
    assert isinstance(combiner, MeasureFn)
    accumulators = []
    for bundle in range(bundles):
        accumulator = combiner.create_accumulator()
        for part in parts[bundle::bundles]:
            accumulator = combiner.add_input(accumulator, Element(part))
        accumulators.append(accumulator)
    found = combiner.extract_output(combiner.merge_accumulators(accumulators))
    return {key.name: value for key, value in found.items()}


def test_the_order_and_the_bundles_of_beam_change_no_bit(monkeypatch):
    monkeypatch.setattr(embedding_sample, "SAMPLE_SIZE", 100)
    parts = random_scores(700, seed=4)
    shuffled = random.Random(0).sample(parts, len(parts))
    assert gathered(parts, 1) == gathered(shuffled, 5)
    # A value and a count each; candidates of all that rank, a chance also of pairs; the classes.
    ranking = len(RANK_METRICS) + len(ZERO_SHOT_METRICS)
    numbers = 2 * len(SCORED_METRICS) + 2 * ranking + len(PAIR_METRICS)
    assert len(gathered(parts, 1)) == numbers + 1


def test_a_slice_without_records_has_no_metrics():
    assert gathered([], 1) == {}


def test_an_accumulator_stays_short_and_loses_nothing():
    parts: list[Scores] = []
    for part in scores_of([1] * 3000, [[1]] * 3000):
        parts.append(part)
        if len(parts) > LOOSE:
            parts = join_small(parts)
    assert len(parts) <= LOOSE
    sizes = [len(part.keys) for part in parts if len(part.keys) > 1]
    assert all(left > right for left, right in pairwise(sizes))
    assert sum(len(part.keys) for part in parts) == 3000
    assert len(Scores.concatenate(parts).keys) == 3000
