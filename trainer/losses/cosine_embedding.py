"""The cosine embedding loss: matches to similarity 1, mismatches below a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, PairwiseConfig, collapse_warning

if TYPE_CHECKING:
    import tensorflow as tf


class CosineEmbeddingConfig(PairwiseConfig):
    """Matches towards similarity 1, mismatches below the margin."""

    name: Literal["cosine_embedding"]
    """Name of the loss."""
    margin: Annotated[float, Field(ge=-1, lt=1)] = -0.1
    """Similarity below which a mismatch costs nothing."""
    positive_weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of the matches; 0.3 in the classic weighted form."""
    negative_weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of the mismatches; 0.7 in the classic weighted form."""


def cosine_embedding_loss(
    similarity: tf.Tensor,
    label: tf.Tensor,
    margin: float = -0.1,
    positive_weight: float = 1.0,
    negative_weight: float = 1.0,
) -> tf.Tensor:
    """Pull matches to similarity 1 and push mismatches below the margin.

    Formula: mean of `positive_weight * (1 - s)` where y = 1 and of
    `negative_weight * max(0, s - margin)` where y = 0.

    Args:
        similarity: s, any shape; [n] for given pairs, [n, m] for all pairs of a batch.
        label: y, 0 or 1, same shape, any dtype.
        margin: similarity below which a mismatch costs nothing.
        positive_weight: factor of the matches; 0.3 in the classic weighted form.
        negative_weight: factor of the mismatches; 0.7 in the classic weighted form.

    Example: s = [0.8, 0.3], y = [1, 0], margin -0.1 gives (0.2 + 0.4) / 2 = 0.3.

    Reference: Chopra, Hadsell and LeCun, "Learning a similarity metric discriminatively" (2005);
    the form with similarities is PyTorch's CosineEmbeddingLoss.
    """
    import tensorflow as tf

    similarity = tf.convert_to_tensor(similarity)
    positive = positive_weight * (1.0 - similarity)
    negative = negative_weight * tf.nn.relu(similarity - margin)
    return tf.reduce_mean(tf.where(tf.cast(label, tf.bool), positive, negative))


def _loss(config: CosineEmbeddingConfig, batch: LossBatch) -> tf.Tensor:
    weights = config.positive_weight, config.negative_weight
    return cosine_embedding_loss(*batch.pairs(), config.margin, *weights)


def _warnings(config: CosineEmbeddingConfig, batch_size: int) -> list[str]:
    ratio = config.positive_weight / max(config.negative_weight, 1e-9)
    return collapse_warning(config, batch_size, config.margin, ratio)


LOSSES.add(
    "cosine_embedding", Loss(config=CosineEmbeddingConfig, function=_loss, warnings=_warnings)
)
