"""All metrics of some records, with intervals: once for the candidate and its baseline together."""

from collections.abc import Iterator

import numpy as np

from components.evaluation.bootstrap import percentiles, resample
from components.evaluation.embedding_statistics import EmbeddingStatistics
from components.evaluation.measurement import Estimate, Measurement, Measurements
from components.evaluation.pair_statistics import PairStatistics
from components.evaluation.rank_statistics import RankStatistics
from components.evaluation.scores import Scores


def measure(scores: Scores, resamples: int, confidence: float) -> Measurements:
    """Measure what the records allow.

    Args:
        scores: the records in any order; of one model, or of a candidate and its baseline.
        resamples: of the bootstrap.
        confidence: of each interval, e.g. 0.95.
    """
    scores = scores.sorted()
    ranks, pairs = RankStatistics(scores), PairStatistics(scores)

    def of_queries(weights: np.ndarray) -> np.ndarray:
        return np.concatenate([ranks(weights), pairs(weights)], axis=2)

    records = len(scores.keys)
    [values] = of_queries(np.ones((1, records)))
    spread = resample(of_queries, records, resamples)
    found = dict(_measurements(ranks.counts | pairs.counts, values, spread, confidence))
    # The square of a mean over a resample is larger than over all records, by the noise of drawing
    # anew, and more so the fewer records there are. So here only the width comes from the
    # resamples. It is that of the sample: for a split that exceeds it, wider than need be.
    embeddings = EmbeddingStatistics(scores)
    values = embeddings.values()
    spread = resample(embeddings, embeddings.sampled, resamples)
    with np.errstate(invalid="ignore"):
        spread += values - _median(spread)
    return found | dict(_measurements(embeddings.counts, values, spread, confidence))


def _median(spread: np.ndarray) -> np.ndarray:
    return percentiles(spread, 0.0)[0]


def _measurements(
    counts: dict[str, int], values: np.ndarray, spread: np.ndarray, confidence: float
) -> Iterator[tuple[str, Measurement]]:
    """Values [models, metrics] and their resamples [resamples, models, metrics], by name."""
    models = _estimates(values, spread, confidence)
    paired = len(values) > 1
    differences = (
        _estimates(values[:1] - values[1:], spread[:, :1] - spread[:, 1:], confidence)
        if paired
        else []
    )
    for column, (name, count) in enumerate(counts.items()):
        yield (
            name,
            Measurement(
                count,
                models[0][column],
                models[1][column] if paired else None,
                differences[0][column] if paired else None,
            ),
        )


def _estimates(values: np.ndarray, spread: np.ndarray, confidence: float) -> list[list[Estimate]]:
    low, high = percentiles(spread, confidence)
    return [
        [Estimate(*map(float, each)) for each in zip(*row, strict=True)]
        for row in zip(values, low, high, strict=True)
    ]
