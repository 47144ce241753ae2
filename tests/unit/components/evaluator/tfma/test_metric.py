"""The scores of a slice, gathered by the combiner in any order and bundles."""

import random
from itertools import pairwise
from typing import Any

import numpy as np

from components.evaluator.metrics import embedding_sample
from components.evaluator.metrics.scores import Scores
from components.evaluator.tfma.metric import LOOSE, SCORES, MeasureFn, RetrievalMetrics, join_small
from tests.support.metric_names import (
    PAIR_METRICS,
    RANK_METRICS,
    SCORED_METRICS,
    ZERO_SHOT_METRICS,
)
from tests.support.scores import random_scores, scores_of


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
