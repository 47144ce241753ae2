"""Statistics of ranks: recall@k, MRR, median and mean rank, mAP, zero-shot accuracy.

Each is a function of how often every unit counts: once each gives the metric, the counts of a
bootstrap resample give the metric of the resample. The unit is what succeeds or fails together:

- of the images as queries, the image key;
- of the texts as queries, the distinct texts that the same image carries first, in the order of the
  keys. A text that hundreds of images carry is one query in one unit, and the captions of an image
  stay together; a text that several units could claim is in the first, so that one common text does
  not join everything into one unit.
"""

import numpy as np

from components.evaluator.metrics import chance
from components.evaluator.metrics.measurement import Background
from components.evaluator.metrics.names import (
    DIRECTIONS,
    STATISTICS,
    ZERO_SHOT_METRICS,
    metric_name,
)
from components.evaluator.metrics.scores import AVERAGE_PRECISION, CLASS_RANK, RANK, Scores

TEXT_TO_IMAGE, IMAGE_TO_TEXT = DIRECTIONS
MEDIAN = STATISTICS.index("median_rank")


class Queries:
    """The queries of one kind: their metrics, and what those are means of.

    Args:
        unit: of each query, int [q].
        units: how many there are.
        ranks: float64 [q, models].
        terms: by metric, [q, models] each; the metric is their mean, but for the median.
        background: by metric.
    """

    def __init__(
        self,
        unit: np.ndarray,
        units: int,
        ranks: np.ndarray,
        terms: dict[str, np.ndarray],
        background: dict[str, Background],
    ):
        self.names, self.background = list(terms), background
        self._unit, self._ranks = unit, ranks
        self._queries = np.bincount(unit, minlength=units)
        self._sums = np.zeros((units, ranks.shape[1], len(terms)))
        np.add.at(self._sums, unit, np.stack(list(terms.values()), axis=2).astype(float))
        self._orders = np.argsort(ranks, axis=0, kind="stable")

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """The metrics of resamples.

        Args:
            weights: how often each unit counts, float64 [r, units].

        Returns:
            float64 [r, models, metrics], nan where a resample holds no query.
        """
        queries = weights @ self._queries
        found = np.empty((len(weights), self._ranks.shape[1], len(self.names)))
        medians = [name.endswith(STATISTICS[MEDIAN]) for name in self.names]
        with np.errstate(invalid="ignore"):
            # Model by model: the same product on the same numbers gives the same bits.
            for model in range(found.shape[1]):
                found[:, model] = (weights @ self._sums[:, model]) / queries[:, None]
                if any(medians):
                    order = self._orders[:, model]
                    found[:, model, medians.index(True)] = weighted_median(
                        self._ranks[order, model], weights, self._unit[order]
                    )
        return found


class TextStatistics:
    """All metrics of distinct texts as queries.

    A slice is made of records. A text is one query in each slice in which a record carries it as a
    match, with the rank that it has in the whole split: its matches outside the slice count too.

    Args:
        scores: the records, in the order of their keys.

    Attributes:
        background: by metric.
        units: how many there are to resample.
    """

    def __init__(self, scores: Scores):
        [asked] = np.nonzero(~np.isnan(scores.texts[:, 0, RANK]))
        _, first = np.unique(scores.text_ids[asked], return_index=True)
        texts = asked[np.sort(first)]
        carriers, unit = np.unique(scores.owner[texts], return_inverse=True)
        self.units = len(carriers)
        self._models = scores.texts.shape[1]
        self._kinds = (
            [
                _retrieval(
                    TEXT_TO_IMAGE,
                    scores.texts[texts],
                    scores.text_matches[texts],
                    scores.candidates.images,
                    unit,
                    self.units,
                )
            ]
            if len(texts)
            else []
        )
        self.background = _background(self._kinds)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """The metrics of resamples: weights [r, units] to float64 [r, models, metrics]."""
        return _together(self._kinds, weights, self._models)


class ImageStatistics:
    """All metrics of images as queries, for texts and for classes.

    Args:
        scores: the records, [n].

    Attributes:
        background: by metric.
    """

    def __init__(self, scores: Scores):
        records = len(scores.keys)
        self._models = scores.images.shape[1]
        self._kinds = []
        [asked] = np.nonzero(~np.isnan(scores.images[:, 0, RANK]))
        if len(asked):
            matches = scores.image_matches[asked]
            given, candidates = scores.images[asked], scores.candidates.texts
            self._kinds.append(
                _retrieval(IMAGE_TO_TEXT, given, matches, candidates, asked, records)
            )
        [classified] = np.nonzero(~np.isnan(scores.images[:, 0, CLASS_RANK]))
        if len(classified) and scores.candidates.classes > 1:
            self._kinds.append(_zero_shot(scores, classified, records))
        self.background = _background(self._kinds)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """The metrics of resamples: weights [r, n] to float64 [r, models, metrics]."""
        return _together(self._kinds, weights, self._models)


def _background(kinds: list[Queries]) -> dict[str, Background]:
    return {name: found for kind in kinds for name, found in kind.background.items()}


def _together(kinds: list[Queries], weights: np.ndarray, models: int) -> np.ndarray:
    none = np.zeros((len(weights), models, 0))
    return np.concatenate([none, *(kind(weights) for kind in kinds)], axis=2)


def _retrieval(
    direction: str,
    given: np.ndarray,
    matches: np.ndarray,
    candidates: int,
    unit: np.ndarray,
    units: int,
) -> Queries:
    ranks = given[:, :, RANK]
    terms = {
        "recall_at_1": ranks <= 1,
        "recall_at_5": ranks <= 5,
        "recall_at_10": ranks <= 10,
        "mrr": 1 / ranks,
        "median_rank": np.zeros_like(ranks),  # not a mean: filled in by itself
        "mean_rank": ranks,
        "map": given[:, :, AVERAGE_PRECISION],
    }
    by_chance = chance.of_ranks(matches, candidates)
    return Queries(
        unit,
        units,
        ranks,
        {metric_name(direction, statistic): terms[statistic] for statistic in STATISTICS},
        {
            metric_name(direction, statistic): Background(
                len(unit), candidates, by_chance[statistic]
            )
            for statistic in STATISTICS
        },
    )


def _zero_shot(scores: Scores, asked: np.ndarray, records: int) -> Queries:
    ranks, classes = scores.images[asked, :, CLASS_RANK], scores.candidates.classes
    # Of five classes or fewer, the right one is always among the first five.
    used = {k: name for k, name in zip((1, 5), ZERO_SHOT_METRICS, strict=True) if k < classes}
    return Queries(
        asked,
        records,
        ranks,
        {name: ranks <= k for k, name in used.items()},
        {name: Background(len(asked), classes, k / classes) for k, name in used.items()},
    )


def weighted_median(ranks: np.ndarray, weights: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """The middle rank of each resample; of an even number the mean of the middle two.

    Args:
        ranks: ascending, [q].
        weights: how often each unit counts, [r, units].
        unit: of each query, int [q].

    Returns:
        float64 [r], nan where a resample holds no query.
    """
    upto = np.cumsum(weights.astype(np.int32)[:, unit], axis=1, dtype=np.int32)
    total = upto[:, -1]
    low = (upto < ((total + 1) // 2)[:, None]).sum(1)
    high = (upto < (total // 2 + 1)[:, None]).sum(1)
    last = len(ranks) - 1
    middle = (ranks[np.minimum(low, last)] + ranks[np.minimum(high, last)]) / 2
    return np.where(total > 0, middle, np.nan)
