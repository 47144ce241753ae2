"""All metrics of some records, with intervals: once for the candidate and its baseline together."""

import collections
from collections.abc import Iterator

import numpy as np

from components.evaluator.metrics.bootstrap import percentiles, resample
from components.evaluator.metrics.embedding_space import EmbeddingStatistics
from components.evaluator.metrics.measurement import (
    Background,
    ClassCounts,
    Estimate,
    Measurement,
    Measurements,
)
from components.evaluator.metrics.names import SHARES
from components.evaluator.metrics.pairs import PairStatistics
from components.evaluator.metrics.retrieval import ImageStatistics, TextStatistics
from components.evaluator.metrics.scores import CLASS_RANK, Scores

ROUNDING = 1e-9  # the same sum in another order


def measure(scores: Scores, resamples: int, confidence: float) -> Measurements:
    """Measure what the records allow.

    Args:
        scores: the records in any order; of one model, or of a candidate and its baseline.
        resamples: of the bootstrap.
        confidence: of each interval, e.g. 0.95.
    """
    scores = scores.sorted()
    texts, images, pairs = TextStatistics(scores), ImageStatistics(scores), PairStatistics(scores)

    def of_records(weights: np.ndarray) -> np.ndarray:
        return np.concatenate([images(weights), pairs(weights)], axis=2)

    found: Measurements = {}
    for statistics, units, background in (
        (texts, texts.units, texts.background),
        (of_records, len(scores.keys), images.background | pairs.background),
    ):
        if background:
            [values] = statistics(np.ones((1, units)))
            spread = resample(statistics, units, resamples)
            measured = _measurements(background, values, spread, confidence, units)
            found |= dict(measured)
    # The square of a mean over a resample is larger than over all records, by the noise of drawing
    # anew, and more so the fewer records there are. So here only the width comes from the
    # resamples. It is that of the sample: for a split that exceeds it, wider than need be.
    embeddings = EmbeddingStatistics(scores)
    values = embeddings.values()
    spread = embeddings.resampled(resamples)
    with np.errstate(invalid="ignore"):
        spread += values - _median(spread)
    return found | dict(
        _measurements(embeddings.background, values, spread, confidence, embeddings.sampled)
    )


def count_classes(scores: Scores) -> ClassCounts | None:
    """How many images have which class; None where none has one."""
    given = collections.Counter(name for name in scores.classes if name is not None)
    if not given:
        return None
    known = {
        name
        for name, rank in zip(scores.classes, scores.images[:, 0, CLASS_RANK], strict=True)
        if not np.isnan(rank)
    }
    counts = [given[name] for name in known if name is not None]
    return ClassCounts(
        classes=scores.candidates.classes,
        images=sum(counts),
        largest=max(counts, default=0),
        unknown={name: count for name, count in sorted(given.items()) if name not in known},
    )


def _median(spread: np.ndarray) -> np.ndarray:
    return percentiles(spread, 0.0)[0]


def _measurements(
    background: dict[str, Background],
    values: np.ndarray,
    spread: np.ndarray,
    confidence: float,
    units: int,
) -> Iterator[tuple[str, Measurement]]:
    """Values [models, metrics] and their resamples [resamples, models, metrics], by name."""
    models = _estimates(values, spread, confidence)
    for model in models:
        for column, name in enumerate(background):
            if name in SHARES:
                model[column] = _at_least_the_unseen(model[column], units, confidence)
    paired = len(values) > 1
    differences = (
        _estimates(values[:1] - values[1:], spread[:, :1] - spread[:, 1:], confidence)
        if paired
        else []
    )
    for column, (name, known) in enumerate(background.items()):
        yield (
            name,
            Measurement(
                known,
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


def _at_least_the_unseen(estimate: Estimate, units: int, confidence: float) -> Estimate:
    """Widen an interval of no width: units that are all alike do not say that others would be.

    If a share q of all units were different, none of n would show it with (1 - q)^n; at the q where
    that is as rare as an end of the interval, each of them may stand anywhere from 0 to 1. For a
    recall of 1 or 0 that is the interval of Clopper and Pearson (1934): 10 of 10 is 0.69 to 1.
    """
    if not estimate.high - estimate.low <= ROUNDING:
        return estimate
    unseen = 1 - ((1 - confidence) / 2) ** (1 / units)
    value = estimate.value
    return Estimate(value, value - value * unseen, value + (1 - value) * unseen)
