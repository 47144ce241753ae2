"""The shape of the embedding space: how far apart the modalities lie, and whether one collapsed.

All embeddings are scaled to length 1 first.
"""

import numpy as np

from components.evaluation.measurement import Background
from components.evaluation.names import EMBEDDING_METRICS
from components.evaluation.sample import FIXED_POINT, Space
from components.evaluation.scores import Scores

SHARPNESS = 2.0  # t in Wang and Isola's uniformity


class EmbeddingStatistics:
    """Modality gap, variance and uniformity of each modality.

    - modality_gap: distance between the mean image and the mean caption (Liang et al., 2022).
    - *_embedding_variance: 1 - |mean|^2, the variance of unit vectors; 0 = all the same.
    - *_uniformity: log of the mean of exp(-2 |x - y|^2) over all pairs of distinct records (Wang
      and Isola, 2020); 0 = all the same; measured on the sample, with one caption a record.

    Args:
        scores: the records, [n].

    Attributes:
        background: the records behind each metric.
        sampled: how many records the sample holds, k.
    """

    def __init__(self, scores: Scores):
        self.sampled = len(scores.sample.hashes)
        self.background = {
            name: Background(self.sampled if name.endswith("uniformity") else len(scores.keys))
            for name in EMBEDDING_METRICS
            if self.sampled > 1 or not name.endswith("uniformity")
        }
        self._records, self._texts = len(scores.keys), int(scores.captions.sum())
        self._captions, self._spaces = scores.sample.captions, scores.sample.spaces
        self._kernels = [(_kernel(s.images), _kernel(s.first_texts)) for s in self._spaces]

    def values(self) -> np.ndarray:
        """The metrics over all records, float64 [models, metrics]; means are of all of them."""
        found = self(np.ones((1, self.sampled)))[0]
        for row, space in zip(found, self._spaces, strict=True):
            row[:3] = _moments(
                space.image_sum[None] / FIXED_POINT / self._records,
                space.text_sum[None] / FIXED_POINT / self._texts,
            )
        return found

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """The metrics of resamples of the sample: weights [r, k] to float64 [r, models, metrics].

        nan where a resample holds no two distinct records.
        """
        found = [
            self._of_model(space, kernels, weights)
            for space, kernels in zip(self._spaces, self._kernels, strict=True)
        ]
        return np.stack(found, axis=1)[:, :, : len(self.background)]

    def _of_model(
        self, space: Space, kernels: tuple[np.ndarray, np.ndarray], weights: np.ndarray
    ) -> np.ndarray:
        moments = _moments(
            weights @ space.images / weights.sum(1, keepdims=True),
            weights @ space.texts / (weights @ self._captions)[:, None],
        )
        uniformity = [_uniformity(kernel, weights) for kernel in kernels]
        return np.concatenate([moments, np.stack(uniformity, axis=1)], axis=1)


def _moments(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Gap and variances from mean embeddings, [r, d] each, to [r, 3]."""
    return np.stack(
        [
            np.linalg.norm(images - texts, axis=1),
            1 - (images**2).sum(1),
            1 - (texts**2).sum(1),
        ],
        axis=1,
    )


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
