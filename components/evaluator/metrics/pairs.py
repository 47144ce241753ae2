"""Metrics of labelled pairs: how well the similarity of an image and its caption tells 1 from 0."""

import numpy as np

from components.evaluator.metrics.bootstrap import Statistic
from components.evaluator.metrics.measurement import Background
from components.evaluator.metrics.registry import METRICS, Metric
from components.evaluator.metrics.scores import SIMILARITY, Scores

AREA, BEST_ACCURACY = NAMES = ("pair_auc", "pair_best_accuracy")


class PairStatistics(Statistic):
    """Measure the area under the ROC curve and the accuracy at the best threshold.

    The area is the probability that a match is more similar than a mismatch, a tie counting half
    (Hanley and McNeil, 1982). The threshold is chosen on the pairs it is measured on, in each
    resample anew, so the accuracy is that of the best possible one, not of a fixed one.

    Args:
        scores: the records, [n]. Without both labels among them there is nothing to measure.

    Attributes:
        background: by metric; its chance is what a model reaches that gives all one similarity.
    """

    def __init__(self, scores: Scores):
        both = 0 < np.count_nonzero(scores.labels) < len(scores.labels)
        matches = np.count_nonzero(scores.labels) / max(len(scores.labels), 1)
        self.units = len(scores.keys)
        levels = zip(NAMES, (0.5, max(matches, 1 - matches)), strict=True)
        self.background = (
            {name: Background(len(scores.labels), chance=level) for name, level in levels}
            if both
            else {}
        )
        models = range(scores.texts.shape[1])
        self._steps = [_Steps(scores.texts[:, n, SIMILARITY], scores) for n in models]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Measure resamples: weights [r, n] to float64 [r, models, metrics].

        nan where a resample lacks one of the labels.
        """
        if not self.background:
            return np.zeros((len(weights), len(self._steps), 0))
        return np.stack([steps(weights) for steps in self._steps], axis=1)


class _Steps:
    """The pairs in the order of one model's similarities; equal ones form one step."""

    def __init__(self, similarities: np.ndarray, scores: Scores):
        order = np.argsort(similarities, kind="stable")
        ascending = similarities[order]
        self._starts = np.flatnonzero(np.diff(ascending, prepend=-np.inf) > 0)
        self._owner, self._is_match = scores.owner[order], scores.labels[order]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Area and accuracy of resamples, [r, n] to [r, 2]."""
        pairs = weights[:, self._owner]
        matches = np.add.reduceat(pairs * self._is_match, self._starts, axis=1)
        mismatches = np.add.reduceat(pairs * ~self._is_match, self._starts, axis=1)
        matches_upto, mismatches_upto = np.cumsum(matches, axis=1), np.cumsum(mismatches, axis=1)
        all_matches, all_mismatches = matches_upto[:, -1], mismatches_upto[:, -1]
        beaten = mismatches_upto - mismatches / 2
        # Called a match is what stands above a step; everything does above none.
        right = np.concatenate(
            [all_matches[:, None], all_matches[:, None] - matches_upto + mismatches_upto], axis=1
        )
        with np.errstate(invalid="ignore"):
            area = (matches * beaten).sum(1) / (all_matches * all_mismatches)
            accuracy = right.max(1) / (all_matches + all_mismatches)
        return np.stack([area, np.where(np.isnan(area), np.nan, accuracy)], axis=1)


for _name in NAMES:
    METRICS.add(_name, Metric(PairStatistics, needs="labels"))
