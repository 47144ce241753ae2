"""Metrics that are means over queries, and the queries that a split asks.

What is drawn in the bootstrap is what succeeds or fails as one:

- of the images as queries, the image key;
- of the texts as queries, the distinct texts that the same image carries first, in the order of the
  keys. A text that hundreds of images carry is one query in one unit, and the captions of an image
  stay together; a text that several units could claim is in the first, so that one common text does
  not join everything into one unit.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from components.evaluator.metrics.bootstrap import Statistic
from components.evaluator.metrics.measurement import Background
from components.evaluator.metrics.scores import AVERAGE_PRECISION, CLASS_RANK, RANK, Scores


@dataclasses.dataclass(frozen=True)
class Queries:
    """The queries of one kind that have a match.

    Attributes:
        ranks: of the best match, float64 [q, models].
        average_precision: float64 [q, models].
        matches: how many candidates match, int [q].
        candidates: of each query, in the whole split.
        unit: that a query is drawn with, int [q].
        units: how many there are.
    """

    ranks: np.ndarray
    average_precision: np.ndarray
    matches: np.ndarray
    candidates: int
    unit: np.ndarray
    units: int


def text_queries(scores: Scores) -> Queries:
    """Ask with each distinct text once.

    A slice is made of records. A text is one query in each slice in which a record carries it as a
    match, with the rank that it has in the whole split: its matches outside the slice count too.

    Args:
        scores: the records, in the order of their keys.
    """
    [matching] = np.nonzero(~np.isnan(scores.texts[:, 0, RANK]))
    _, first = np.unique(scores.text_ids[matching], return_index=True)
    texts = matching[np.sort(first)]
    carriers, unit = np.unique(scores.owner[texts], return_inverse=True)
    return Queries(
        scores.texts[texts, :, RANK],
        scores.texts[texts, :, AVERAGE_PRECISION],
        scores.text_matches[texts],
        scores.candidates.images,
        unit,
        len(carriers),
    )


def image_queries(scores: Scores) -> Queries:
    """Ask with each image that has a matching text."""
    [images] = np.nonzero(~np.isnan(scores.images[:, 0, RANK]))
    return Queries(
        scores.images[images, :, RANK],
        scores.images[images, :, AVERAGE_PRECISION],
        scores.image_matches[images],
        scores.candidates.texts,
        images,
        len(scores.keys),
    )


def class_queries(scores: Scores) -> Queries:
    """Ask with each image of a known class for its class, which is the one match."""
    [images] = np.nonzero(~np.isnan(scores.images[:, 0, CLASS_RANK]))
    ranks = scores.images[images, :, CLASS_RANK]
    return Queries(
        ranks,
        1 / ranks,
        np.ones(len(images), np.int64),
        scores.candidates.classes,
        images,
        len(scores.keys),
    )


class QueryMeans(Statistic):
    """Metrics that are the mean of a value of each query, or the median of their ranks.

    Args:
        queries: of one kind; without any, no metric is measured.
        values: by metric, [q, models] each.
        chances: the metric if the candidates are put in an order at random, by metric.
        median: the metric that is the median of the ranks; its values do not matter.
    """

    def __init__(
        self,
        queries: Queries,
        values: Mapping[str, np.ndarray],
        chances: Mapping[str, float] | None = None,
        median: str | None = None,
    ):
        count, models = queries.ranks.shape
        names = list(values) if count else []
        self.units = queries.units
        self.background = {
            name: Background(count, queries.candidates, (chances or {}).get(name)) for name in names
        }
        self._unit, self._ranks = queries.unit, queries.ranks
        self._median = names.index(median) if median in names else None
        self._queries = np.bincount(queries.unit, minlength=queries.units)
        self._sums = np.zeros((queries.units, models, len(names)))
        if count:
            stacked = np.stack([values[name] for name in names], axis=2).astype(float)
            np.add.at(self._sums, queries.unit, stacked)
        self._orders = np.argsort(queries.ranks, axis=0, kind="stable")

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Measure resamples: weights [r, units] to float64 [r, models, metrics]."""
        queries = weights @ self._queries
        measured = np.empty((len(weights), *self._sums.shape[1:]))
        with np.errstate(invalid="ignore"):
            # Model by model: the same product on the same numbers gives the same bits.
            for model in range(measured.shape[1]):
                measured[:, model] = (weights @ self._sums[:, model]) / queries[:, None]
                if self._median is not None:
                    order = self._orders[:, model]
                    measured[:, model, self._median] = weighted_median(
                        self._ranks[order, model], weights, self._unit[order]
                    )
        return measured


def weighted_median(ranks: np.ndarray, weights: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Take the middle rank of each resample; of an even number the mean of the middle two.

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
