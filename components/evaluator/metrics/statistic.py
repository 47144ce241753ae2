"""The base of all that computes metrics from scores, with resamples of them."""

import numpy as np

from components.evaluator.metrics.bootstrap import resample
from components.evaluator.metrics.measurement import Background


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
