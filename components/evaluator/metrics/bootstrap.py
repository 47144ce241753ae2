"""Compute confidence intervals by the bootstrap over records.

After Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

Records are drawn with replacement, as many as there are, each with its image and all its captions:
captions of one image succeed and fail together, and drawing them one by one would pretend to more
independent queries than there are. Candidate and baseline see the same draws, so the difference is
a paired one: what makes a query hard for both drops out of it.
"""

from collections.abc import Callable, Iterator

import numpy as np

from components.evaluator.metrics.measurement import Background

SEED = 20240229  # any number; one, so that a rerun gives the same intervals
NUMBERS_AT_ONCE = 2**19  # bounds memory: weights of a chunk of resamples, 4 MiB as float64

Function = Callable[[np.ndarray], np.ndarray]  # weights [r, n] to values [r, ...]


def draw(records: int, resamples: int, seed: int = SEED) -> Iterator[np.ndarray]:
    """Draw records with replacement, in chunks of resamples.

    Args:
        records: how many there are and how many are drawn.
        resamples: how often.
        seed: the same one draws the same.

    Yields:
        Integers as float64 [r, records]; every row adds up to `records`.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, NUMBERS_AT_ONCE // max(records, 1))
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = generator.integers(0, records, (rows, records))
        drawn += np.arange(rows)[:, None] * records
        counts = np.bincount(drawn.ravel(), minlength=rows * records)
        yield counts.reshape(rows, records).astype(np.float64)


def resample(function: Function, records: int, resamples: int, seed: int = SEED) -> np.ndarray:
    """Return the values of a function of weights over resamples, [resamples, ...]."""
    return np.concatenate([function(weights) for weights in draw(records, resamples, seed)])


def percentiles(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the central interval that holds a share of the resamples.

    Args:
        values: [resamples, ...]; nan where a resample allows no value.
        confidence: the share, e.g. 0.95.

    Returns:
        The lower and the upper end, [...]; nan where no resample allows a value.
    """
    tail = (1 - confidence) / 2
    if not np.isnan(values).any():
        low, high = np.quantile(values, [tail, 1 - tail], axis=0)
        return low, high
    known = np.isfinite(values).any(0)
    filled = np.where(known, values, 0)
    low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


class Statistic:
    """Some metrics of some records, as a function of how often each unit counts.

    A unit is what succeeds or fails as one, such as an image with all its captions: a resample of
    the bootstrap draws units.

    Attributes:
        units: how many there are.
        background: of each metric that the records allow, in the order of the values.
    """

    units: int
    background: dict[str, Background]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Measure resamples: weights [r, units] to float64 [r, models, metrics].

        nan where a resample allows no value.
        """
        raise NotImplementedError

    def values(self) -> np.ndarray:
        """Measure the records as they are, float64 [models, metrics]."""
        whole: np.ndarray = self(np.ones((1, self.units)))[0]
        return whole

    def resampled(self, resamples: int) -> np.ndarray:
        """Measure resamples of the bootstrap, float64 [resamples, models, metrics]."""
        return resample(self, self.units, resamples)
