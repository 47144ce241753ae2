"""Statistics of ranks: recall@k, MRR, median and mean rank, mAP, zero-shot accuracy.

Each is a function of how often every record counts: once each gives the metric, the counts of a
bootstrap resample give the metric of the resample.
"""

import dataclasses

import numpy as np

from components.evaluation.names import DIRECTIONS, STATISTICS, ZERO_SHOT_METRICS, metric_name
from components.evaluation.scores import AVERAGE_PRECISION, CLASS_RANK, RANK, Scores

TEXT_TO_IMAGE, IMAGE_TO_TEXT = DIRECTIONS
MEDIAN = STATISTICS.index("median_rank")


@dataclasses.dataclass(frozen=True)
class _Queries:
    """The queries of one kind: the names of their metrics and what those are means of.

    Attributes:
        owner: the record of each query, int [q], ascending.
        ranks: float64 [q, models].
        terms: float64 [q, models, names]; the metric is their mean, but for the median.
    """

    names: tuple[str, ...]
    owner: np.ndarray
    ranks: np.ndarray
    terms: np.ndarray


class RankStatistics:
    """All metrics of ranks that some records allow.

    Args:
        scores: the records, [n].

    Attributes:
        counts: the queries behind each metric, by its name.
    """

    def __init__(self, scores: Scores):
        kinds = (
            _retrieval(TEXT_TO_IMAGE, scores.texts, scores.owner),
            _retrieval(IMAGE_TO_TEXT, scores.images, np.arange(len(scores.keys))),
            _zero_shot(scores.images),
        )
        self._kinds = [kind for kind in kinds if len(kind.owner)]
        self.counts = {name: len(kind.owner) for kind in self._kinds for name in kind.names}
        self._sums = [_per_record(kind, len(scores.keys)) for kind in self._kinds]
        self._orders = [np.argsort(kind.ranks, axis=0, kind="stable") for kind in self._kinds]
        self._models = scores.images.shape[1]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """The metrics of resamples.

        Args:
            weights: how often each record counts, integers as float64 [r, n].

        Returns:
            float64 [r, models, metrics], nan where a resample holds no query.
        """
        return np.concatenate(
            [
                self._of_kind(*kind, weights)
                for kind in zip(self._kinds, self._sums, self._orders, strict=True)
            ]
            or [np.zeros((len(weights), self._models, 0))],
            axis=2,
        )

    def _of_kind(
        self, kind: _Queries, sums: np.ndarray, orders: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        queries = weights @ np.bincount(kind.owner, minlength=weights.shape[1])
        found = np.empty((len(weights), self._models, len(kind.names)))
        with np.errstate(invalid="ignore"):
            # Model by model: the same product on the same numbers gives the same bits.
            for model in range(self._models):
                found[:, model] = (weights @ sums[:, model]) / queries[:, None]
                if kind.names != ZERO_SHOT_METRICS:
                    order = orders[:, model]
                    found[:, model, MEDIAN] = weighted_median(
                        kind.ranks[order, model], weights, kind.owner[order]
                    )
        return found


def _retrieval(direction: str, given: np.ndarray, owner: np.ndarray) -> _Queries:
    asked = ~np.isnan(given[:, 0, RANK])
    ranks = given[asked, :, RANK]
    terms = {
        "recall_at_1": ranks <= 1,
        "recall_at_5": ranks <= 5,
        "recall_at_10": ranks <= 10,
        "mrr": 1 / ranks,
        "median_rank": np.zeros_like(ranks),  # not a mean: filled in by itself
        "mean_rank": ranks,
        "map": given[asked, :, AVERAGE_PRECISION],
    }
    names = tuple(metric_name(direction, statistic) for statistic in STATISTICS)
    columns = [terms[statistic].astype(float) for statistic in STATISTICS]
    return _Queries(names, owner[asked], ranks, np.stack(columns, axis=2))


def _zero_shot(images: np.ndarray) -> _Queries:
    [asked] = np.nonzero(~np.isnan(images[:, 0, CLASS_RANK]))
    ranks = images[asked, :, CLASS_RANK]
    return _Queries(ZERO_SHOT_METRICS, asked, ranks, np.stack([ranks <= 1, ranks <= 5], axis=2))


def _per_record(kind: _Queries, records: int) -> np.ndarray:
    """The terms summed over the queries of each record, float64 [records, models, names]."""
    sums = np.zeros((records, *kind.terms.shape[1:]))
    np.add.at(sums, kind.owner, kind.terms)
    return sums


def weighted_median(ranks: np.ndarray, weights: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The middle rank of each resample; of an even number the mean of the middle two.

    Args:
        ranks: ascending, [q].
        weights: how often each record counts, [r, n].
        owner: the record of each query, int [q].

    Returns:
        float64 [r], nan where a resample holds no query.
    """
    upto = np.cumsum(weights.astype(np.int32)[:, owner], axis=1, dtype=np.int32)
    total = upto[:, -1]
    low = (upto < ((total + 1) // 2)[:, None]).sum(1)
    high = (upto < (total // 2 + 1)[:, None]).sum(1)
    last = len(ranks) - 1
    middle = (ranks[np.minimum(low, last)] + ranks[np.minimum(high, last)]) / 2
    return np.where(total > 0, middle, np.nan)
