"""Heads of two frozen towers in closed form: where pairs of features correlate most.

With a thousand pairs, a linear map of several hundred thousand weights that gradients find from
nothing learns the pairs by heart. Canonical correlation analysis with a ridge finds both maps from
the covariances of all pairs at once, in a second.

Reference: Hardoon, Szedmak and Shawe-Taylor, "Canonical correlation analysis: an overview with
application to learning methods" (2004), section 3; the directions are weighted by their correlation
as in Gong et al., "A multi-view embedding space for modeling internet images, tags, and their
semantics" (2014), section 3.3.

An image tower that also tells the classes of ImageNet brings a thousand pairs more: an image that
is certainly of a class, and the name of the class. So its head knows what words mean that no
caption of the train split uses; compare Norouzi et al., "Zero-shot learning by convex combination
of semantic embeddings" (2014).
"""

import dataclasses
import logging
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from schema.errors import InputError
from trainer.preprocessing import vocabulary
from trainer.preprocessing.captions import normalise, split_words
from trainer.preprocessing.tokenizer import create_tokenizer
from trainer.towers.assembly import PROJECTION
from trainer.training.data.cached_features import CachedFeatures
from trainer.training.step import TrainableDualEncoder
from trainer.weights.class_names import CERTAIN, CLASSES, class_names

LOGGER = logging.getLogger(__name__)
# Added to the covariances, in mean squared lengths of a centred feature vector. Chosen between 0.2
# and 10 on a part of the train split, see docs/recipes.md; the share of a covariance that it makes
# up falls with the number of images.
RIDGE = 1.5
CLASS_WEIGHT = 0.5  # of the pair of a class and its name; an image with its captions has 1
CLASSES_AT_ONCE = 250  # names in a batch of the text tower
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


@dataclasses.dataclass(frozen=True)
class Classes:
    """Classes whose probabilities are the last features of images.

    Attributes:
        texts: features of their names, [c, g].
        certain: the feature of a class with probability 1.
    """

    texts: np.ndarray
    certain: float


def correlate(
    images: np.ndarray,
    texts: np.ndarray,
    pairs: np.ndarray,
    dim: int,
    ridge: float = RIDGE,
    classes: Classes | None = None,
) -> tuple[LinearMap, LinearMap]:
    """Find the maps of images and of texts under which pairs correlate most.

    Args:
        images: features [m, f].
        texts: features [k, g].
        pairs: rows of both, int [n, 2].
        dim: components of an embedding. Those beyond min(f, g) are 0.
        ridge: in mean squared lengths of a centred feature vector, above 0.
        classes: which make pairs, too; None: there are none.

    Returns:
        The maps of images and of texts. Both centre; an embedding has length 1 on the average.
    """
    means = [_mean(table, pairs[:, side]) for side, table in enumerate((images, texts))]
    covariance = _covariance(images, texts, pairs, means)
    # Captions of one image count as one: they are not as good as more images.
    f, count = len(means[0]), float(len(np.unique(pairs[:, 0])))
    of_pairs = covariance[:f, :f], covariance[f:, f:]
    if classes is not None:
        weight = CLASS_WEIGHT * len(classes.texts)
        of_classes = _covariance_of_classes(classes, f, np.trace(of_pairs[1]))
        covariance = (count * covariance + weight * of_classes) / (count + weight)
        count += weight
    of_images = _whitening(covariance[:f, :f], ridge / count)
    of_texts = _whitening(covariance[f:, f:], ridge / count)
    left, correlations, right = np.linalg.svd(
        of_images.T @ covariance[:f, f:] @ of_texts, full_matrices=False
    )
    kept = correlations[:dim]
    return (
        _map(of_images @ left[:, :dim] * kept, means[0], of_pairs[0], dim),
        _map(of_texts @ right[:dim].T * kept, means[1], of_pairs[1], dim),
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
    maps = correlate(
        *(cached.images, cached.captions, pairs, model.config.model.embedding_dim),
        classes=_classes(model),
    )
    for tower, linear in zip((model.image_tower, model.text_tower), maps, strict=True):
        _assign(tower.get_layer(PROJECTION), linear)
    LOGGER.info("both heads start where %d pairs correlate most", len(pairs))


def _classes(model: TrainableDualEncoder) -> Classes | None:
    """Return the classes that the image tower tells; None: it tells none."""
    if not model.config.model.image_tower.names_classes:
        return None
    text, names = model.config.text, tf.constant(class_names())
    words = split_words(normalise(names))
    tokens = create_tokenizer(text).tokenize(names, words, vocabulary.file_of(text))
    parts = np.array_split(tokens.numpy(), -(-CLASSES // CLASSES_AT_ONCE))
    texts = [model.text_features(tf.constant(part)).numpy() for part in parts]
    return Classes(np.concatenate(texts), CERTAIN)


def _covariance(
    images: np.ndarray, texts: np.ndarray, pairs: np.ndarray, means: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the covariance [f + g, f + g] of the features of pairs, float64."""
    total = np.zeros((sum(map(len, means)),) * 2)
    for start in range(0, len(pairs), ROWS_AT_ONCE):
        some = pairs[start : start + ROWS_AT_ONCE]
        centred = [images[some[:, 0]] - means[0], texts[some[:, 1]] - means[1]]
        both = np.concatenate(centred, axis=1)
        total += both.T @ both
    return total / len(pairs)


def _covariance_of_classes(classes: Classes, f: int, variance: float) -> np.ndarray:
    """Return the covariance [f + g, f + g] of certain images of classes and their names.

    Args:
        classes: c of them, the last of f features of images.
        f: features of an image; those that are no class say nothing of a class.
        variance: of a text of the pairs, summed over its features. The names get the same one, as
            short texts differ less.
    """
    c = len(classes.texts)
    images = np.zeros((c, f))
    images[:, f - c :] = classes.certain * (np.eye(c) - 1 / c)
    texts = classes.texts - classes.texts.mean(axis=0, dtype=np.float64)
    texts *= np.sqrt(variance * c / np.sum(texts**2))
    both = np.concatenate([images, texts], axis=1)
    return both.T @ both / c


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


def _assign(layer: keras.layers.Dense, linear: LinearMap) -> None:
    layer.kernel.assign(linear.kernel.astype(np.float32))
    layer.bias.assign(linear.bias.astype(np.float32))
