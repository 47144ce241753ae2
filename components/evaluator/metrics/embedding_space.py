"""Metrics of the embedding space: how far apart the modalities lie, and whether one collapsed.

All embeddings are scaled to length 1 first. A text counts once, however many records carry it:
repeated captions are the data's doing and no collapse.
"""

from collections.abc import Sequence

import numpy as np

from components.evaluator.metrics.bootstrap import SEED, Statistic, percentiles, resample
from components.evaluator.metrics.embedding_sample import FIXED_POINT
from components.evaluator.metrics.measurement import Background
from components.evaluator.metrics.registry import METRICS, Metric
from components.evaluator.metrics.scores import Scores

SHARPNESS = 2.0  # t in Wang and Isola's uniformity


NAMES = (
    "modality_gap",
    "image_embedding_variance",
    "text_embedding_variance",
    "image_uniformity",
    "text_uniformity",
)
# The uniformity is a logarithm; the more even the spread, the further below 0.
LOWER_IS_BETTER = ("modality_gap", "image_uniformity", "text_uniformity")


class EmbeddingStatistics(Statistic):
    """Measure the modality gap, variance and uniformity of each modality.

    - modality_gap: distance between the mean image and the mean text (Liang et al., 2022).
    - *_embedding_variance: 1 - |mean|^2, the variance of unit vectors; 0 = all the same.
    - *_uniformity: log of the mean of exp(-2 |x - y|^2) over all pairs of distinct records or of
      distinct texts (Wang and Isola, 2020); 0 = all the same.

    The mean image is that of all records; the rest is measured on the sample.

    Args:
        scores: the records, [n].

    Attributes:
        background: the records, or the texts, behind each metric.
        units: how many records the sample holds, k.
    """

    def __init__(self, scores: Scores):
        self._records, self._sample = len(scores.keys), scores.sample
        spaces = scores.sample.spaces
        self._images = _Side([space.images for space in spaces])
        self._texts = _Side([space.texts for space in spaces])
        self.units = self._images.units
        counts = (self._records, self._records, self._texts.units, self.units, self._texts.units)
        self.background = {
            name: Background(count)
            for name, count in zip(NAMES, counts, strict=True)
            if count > 1 or not name.endswith("uniformity")
        }

    def values(self) -> np.ndarray:
        """Measure the records as they are, float64 [models, metrics]."""
        images, texts = (side(np.ones((1, side.units))) for side in (self._images, self._texts))
        for model, space in enumerate(self._sample.spaces):
            mean = space.image_sum / FIXED_POINT / self._records
            images[0, model, : len(mean)] = mean
        metrics: np.ndarray = self._metrics(images, texts)[0]
        return metrics

    def resampled(self, resamples: int) -> np.ndarray:
        """Measure resamples of the sample around `values`, float64 [resamples, models, metrics].

        Records and texts are drawn independently of each other. nan where a resample holds no two
        distinct ones.

        The square of a mean over a resample is larger than over all records, by the noise of
        drawing anew, and more so the fewer records there are. So only the width comes from the
        resamples. It is that of the sample: for a split that exceeds it, wider than need be.
        """
        spread = self.drawn(resamples)
        with np.errstate(invalid="ignore"):
            spread += self.values() - percentiles(spread, 0.0)[0]
        return spread

    def drawn(self, resamples: int) -> np.ndarray:
        """Measure resamples of the sample as they come, float64 [resamples, models, metrics]."""
        return self._metrics(
            resample(self._images, self._images.units, resamples),
            resample(self._texts, self._texts.units, resamples, SEED + 1),
        )

    def _metrics(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Compute the metrics from the means and uniformities of both sides, [r, models, d + 1]."""
        image, text = images[:, :, :-1], texts[:, :, :-1]
        metrics = {
            "modality_gap": np.linalg.norm(image - text, axis=2),
            "image_embedding_variance": 1 - (image**2).sum(2),
            "text_embedding_variance": 1 - (text**2).sum(2),
            "image_uniformity": images[:, :, -1],
            "text_uniformity": texts[:, :, -1],
        }
        return np.stack([metrics[name] for name in self.background], axis=2)


class _Side:
    """The images or the texts of a sample, as a function of how often each of them counts.

    Args:
        vectors: as each model embeds them, float32 [k, d]; models may differ in d.
    """

    def __init__(self, vectors: Sequence[np.ndarray]):
        self.units = len(vectors[0])
        self._dim = max(each.shape[1] for each in vectors)
        self._models = [(each, _kernel(each)) for each in vectors]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Measure resamples: weights [r, k] to means and uniformities, float64 [r, models, d + 1].

        d is that of the widest model; a narrower mean ends in zeros, which change no length.
        """
        total = weights.sum(1, keepdims=True)
        measured = np.zeros((len(weights), len(self._models), self._dim + 1))
        for model, (vectors, kernel) in enumerate(self._models):
            measured[:, model, : vectors.shape[1]] = weights @ vectors / total
            measured[:, model, -1] = _uniformity(kernel, weights)
        return measured


def _kernel(vectors: np.ndarray) -> np.ndarray:
    """exp(-2 |x - y|^2) of each two of some vectors [k, d], 0 on the diagonal; float32 [k, k]."""
    squares = (vectors**2).sum(1)
    kernel = vectors @ vectors.T
    kernel *= 2
    kernel -= squares[:, None]
    kernel -= squares
    np.minimum(kernel, 0, out=kernel)  # minus the squared distance, whatever rounding says
    kernel *= SHARPNESS
    np.exp(kernel, out=kernel)
    # A record drawn twice lies at no distance from itself and would look like a collapse.
    np.fill_diagonal(kernel, 0)
    return kernel


def _uniformity(kernel: np.ndarray, weights: np.ndarray) -> np.ndarray:
    narrow = weights.astype(np.float32)
    kept = np.einsum("rk,rk->r", narrow @ kernel, weights)
    pairs = weights.sum(1) ** 2 - (weights**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(kept / pairs)


for _name in NAMES:
    METRICS.add(_name, Metric(EmbeddingStatistics, lower_is_better=_name in LOWER_IS_BETTER))
