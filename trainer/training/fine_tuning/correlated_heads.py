"""Heads of two frozen towers in closed form: where pairs of features correlate most.

With a thousand pairs, a linear map of several hundred thousand weights that gradients find from
nothing learns the pairs by heart. Canonical correlation analysis with a ridge finds both maps from
the covariances of all pairs at once, in a second.

Reference: Hardoon, Szedmak and Shawe-Taylor, "Canonical correlation analysis: an overview with
application to learning methods" (2004), section 3; the directions are weighted by their correlation
as in Gong et al., "A multi-view embedding space for modeling internet images, tags, and their
semantics" (2014), section 3.3.
"""

import dataclasses
import logging

import keras
import numpy as np

from schema.errors import InputError
from trainer.towers.assembly import PROJECTION
from trainer.training.data.cached_features import CachedFeatures
from trainer.training.step import TrainableDualEncoder

LOGGER = logging.getLogger(__name__)
# Added to the covariances, in mean squared lengths of a centred feature vector. Chosen between 0.3
# and 10 on a part of the train split; the share of a covariance that it makes up falls with the
# number of pairs.
RIDGE = 2.0
ROWS_AT_ONCE = 8192  # of pairs, so that the features may lie on a disk


@dataclasses.dataclass(frozen=True)
class LinearMap:
    """An affine map of features [n, f] to embeddings [n, e].

    Attributes:
        kernel: [f, e].
        bias: [e].
    """

    kernel: np.ndarray
    bias: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Map features [n, f] to [n, e]."""
        return features @ self.kernel + self.bias


def correlate(
    images: np.ndarray, texts: np.ndarray, pairs: np.ndarray, dim: int, ridge: float = RIDGE
) -> tuple[LinearMap, LinearMap]:
    """Find the maps of images and of texts under which pairs correlate most.

    Args:
        images: features [m, f].
        texts: features [k, g].
        pairs: rows of both, int [n, 2].
        dim: components of an embedding. Those beyond min(f, g) are 0.
        ridge: in mean squared lengths of a centred feature vector, above 0.

    Returns:
        The maps of images and of texts. Both centre; an embedding has length 1 on the average.
    """
    mean_image, mean_text = (
        _mean(table, pairs[:, side]) for side, table in enumerate((images, texts))
    )
    covariance = np.zeros((len(mean_image) + len(mean_text),) * 2)
    for start in range(0, len(pairs), ROWS_AT_ONCE):
        some = pairs[start : start + ROWS_AT_ONCE]
        centred = [images[some[:, 0]] - mean_image, texts[some[:, 1]] - mean_text]
        both = np.concatenate(centred, axis=1)
        covariance += both.T @ both
    covariance /= len(pairs)
    f = len(mean_image)
    ridge /= len(pairs)
    of_images = _whitening(covariance[:f, :f], ridge)
    of_texts = _whitening(covariance[f:, f:], ridge)
    left, correlations, right = np.linalg.svd(
        of_images.T @ covariance[:f, f:] @ of_texts, full_matrices=False
    )
    kept = correlations[:dim]
    return (
        _map(of_images @ left[:, :dim] * kept, mean_image, covariance[:f, :f], dim),
        _map(of_texts @ right[:dim].T * kept, mean_text, covariance[f:, f:], dim),
    )


def start_heads(model: TrainableDualEncoder, cached: CachedFeatures, workers: int) -> None:
    """Give the heads of both frozen towers the weights that correlate their features most.

    Args:
        model: with two frozen towers whose heads are new and single layers.
        cached: the features of all records.
        workers: machines that train; each has the features of its own records only.

    Raises:
        InputError: there is more than one worker.
    """
    if workers > 1:
        raise InputError(
            f"training.start = correlated needs the features of all records on one machine, and "
            f"{workers} train: leave it out, or train on one"
        )
    assert cached.images is not None
    assert cached.captions is not None
    assert cached.caption_rows is not None
    assert cached.has_caption is not None
    records, places = np.nonzero(cached.has_caption)
    pairs = np.stack([records, cached.caption_rows[records, places]], axis=1)
    maps = correlate(cached.images, cached.captions, pairs, model.config.model.embedding_dim)
    for tower, found in zip((model.image_tower, model.text_tower), maps, strict=True):
        _assign(tower.get_layer(PROJECTION), found)
    LOGGER.info("both heads start where %d pairs correlate most", len(pairs))


def _mean(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean of rows of a table, float64, each as often as it is named."""
    counts = np.bincount(rows, minlength=len(table)).astype(np.float64)
    blocks = range(0, len(table), ROWS_AT_ONCE)
    sums = [counts[n : n + ROWS_AT_ONCE] @ table[n : n + ROWS_AT_ONCE] for n in blocks]
    return np.sum(sums, axis=0) / len(rows)


def _whitening(covariance: np.ndarray, ridge: float) -> np.ndarray:
    """Return W with W.T (C + ridge * trace(C) I) W = I."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors / np.sqrt(np.maximum(values, 0) + ridge * np.trace(covariance))


def _map(kernel: np.ndarray, mean: np.ndarray, covariance: np.ndarray, dim: int) -> LinearMap:
    """Scale a kernel [f, k] to embeddings of mean squared length 1, and widen it to [f, dim]."""
    kernel = kernel / np.sqrt(np.einsum("fk,fg,gk->", kernel, covariance, kernel, optimize=True))
    kernel = np.pad(kernel, ((0, 0), (0, dim - kernel.shape[1])))
    return LinearMap(kernel, -mean @ kernel)


def _assign(layer: keras.layers.Dense, found: LinearMap) -> None:
    layer.kernel.assign(found.kernel.astype(np.float32))
    layer.bias.assign(found.bias.astype(np.float32))
