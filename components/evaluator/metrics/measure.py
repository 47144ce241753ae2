"""Measure all metrics of some records with intervals, for the candidate and its baseline."""

import collections

import numpy as np

from components.evaluator.metrics.bootstrap import Statistic, percentiles
from components.evaluator.metrics.measurement import (
    ClassCounts,
    Estimate,
    Measurement,
    Measurements,
)
from components.evaluator.metrics.registry import METRICS
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
    measured: Measurements = {}
    # By name, because the order of registration is that of whatever was imported first.
    for build in dict.fromkeys(METRICS[name].statistic for name in sorted(METRICS)):
        if build is None:
            continue
        statistic = build(scores)
        if statistic.background:
            measured |= _measurements(statistic, resamples, confidence)
    return measured


def count_classes(scores: Scores) -> ClassCounts | None:
    """Count the images of each class; None where none has one."""
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


def _measurements(statistic: Statistic, resamples: int, confidence: float) -> Measurements:
    values, spread = statistic.values(), statistic.resampled(resamples)
    models = _estimates(values, spread, confidence)
    for model in models:
        for column, name in enumerate(statistic.background):
            if METRICS[name].is_share:
                model[column] = _at_least_the_unseen(model[column], statistic.units, confidence)
    if len(values) > 1:
        models += _estimates(values[:1] - values[1:], spread[:, :1] - spread[:, 1:], confidence)
    return {
        name: Measurement(known, *estimates)  # of the candidate, the baseline and their difference
        for (name, known), *estimates in zip(statistic.background.items(), *models, strict=True)
    }


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
