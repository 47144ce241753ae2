"""TFMA metrics over ranks: plain aggregates of queries, so that slices keep their sense."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from components.evaluation.names import DIRECTIONS, STATISTICS, metric_name

IMAGE_TO_TEXT_RANKS = "ranks/image_to_text"
TEXT_TO_IMAGE_RANKS = "ranks/text_to_image"
RANKS = dict(zip(DIRECTIONS, (TEXT_TO_IMAGE_RANKS, IMAGE_TO_TEXT_RANKS), strict=True))


def recall_at(k: int) -> Callable[[np.ndarray, np.ndarray], float]:
    """Share of the queries whose best match ranks k or better."""
    return lambda ranks, counts: float(counts[ranks <= k].sum() / counts.sum())


def mean_reciprocal_rank(ranks: np.ndarray, counts: np.ndarray) -> float:
    """Mean of 1 / rank."""
    return float((counts / ranks).sum() / counts.sum())


def median_rank(ranks: np.ndarray, counts: np.ndarray) -> float:
    """The middle rank; the mean of the middle two of an even number of queries."""
    order = np.argsort(ranks)
    below = np.cumsum(counts[order])
    total = below[-1]
    low, high = np.searchsorted(below, [(total + 1) // 2, total // 2 + 1])
    return float(ranks[order][[low, high]].mean())


FUNCTIONS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "recall_at_1": recall_at(1),
    "recall_at_5": recall_at(5),
    "recall_at_10": recall_at(10),
    "mrr": mean_reciprocal_rank,
    "median_rank": median_rank,
}
assert tuple(FUNCTIONS) == STATISTICS


class RankMetric(metric_types.Metric):
    """One statistic of the ranks of one direction.

    Args:
        direction: one of `names.DIRECTIONS`.
        statistic: one of `names.STATISTICS`.
    """

    def __init__(self, direction: str, statistic: str, name: str | None = None):
        super().__init__(
            _computations,
            direction=direction,
            statistic=statistic,
            name=name or metric_name(direction, statistic),
        )


def _computations(
    direction: str, statistic: str, name: str, model_names: list[str] | None = None, **_: Any
) -> list[metric_types.MetricComputation]:
    return [
        metric_types.MetricComputation(
            keys=[key],
            preprocessors=[
                metric_types.FeaturePreprocessor(
                    feature_keys=[RANKS[direction]], include_default_inputs=False
                )
            ],
            combiner=_Ranks(key, RANKS[direction], statistic),
        )
        for key in (metric_types.MetricKey(name, model_name=m) for m in model_names or [""])
    ]


class _Ranks(beam.CombineFn):
    """Counts how often each rank occurs: exact, and small however many queries there are."""

    def __init__(self, key: metric_types.MetricKey, feature: str, statistic: str):
        self._key, self._feature, self._statistic = key, feature, statistic

    def create_accumulator(self) -> Counter[float]:
        return Counter()

    def add_input(self, accumulator: Counter[float], element: Any) -> Counter[float]:
        ranks = np.ravel(element.get_features()[self._feature])
        accumulator.update(ranks[~np.isnan(ranks)].tolist())
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counter[float]]) -> Counter[float]:
        merged: Counter[float] = Counter()
        for each in accumulators:
            merged.update(each)
        return merged

    def extract_output(self, accumulator: Counter[float]) -> dict[metric_types.MetricKey, float]:
        if not accumulator:
            return {self._key: float("nan")}
        ranks = np.array(list(accumulator.keys()))
        counts = np.array(list(accumulator.values()))
        return {self._key: FUNCTIONS[self._statistic](ranks, counts)}
