"""The hinge loss: matches above a margin, mismatches below minus the margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, PairwiseConfig, collapse_warning

if TYPE_CHECKING:
    import tensorflow as tf


class HingeConfig(PairwiseConfig):
    """Matches above the margin, mismatches below minus the margin."""

    name: Literal["hinge"]
    """Name of the loss."""
    margin: Annotated[float, Field(gt=0)] = 0.2
    """Distance from similarity zero at which a pair costs nothing."""


def hinge_loss(similarity: tf.Tensor, label: tf.Tensor, margin: float = 0.2) -> tf.Tensor:
    """Push matches above the margin and mismatches below minus the margin.

    Formula: mean of `max(0, margin - s)` where y = 1 and of `max(0, s + margin)` where y = 0.

    Args:
        similarity: s, any shape.
        label: y, 0 or 1, same shape, any dtype.
        margin: distance from zero at which a pair costs nothing.

    Example: s = [0.1, 0.3], y = [1, 0], margin 0.2 gives (0.1 + 0.5) / 2 = 0.3.

    Reference: Cortes and Vapnik, "Support-vector networks" (1995), with target +1 or -1.
    """
    import tensorflow as tf

    similarity = tf.convert_to_tensor(similarity)
    signed = tf.where(tf.cast(label, tf.bool), similarity, -similarity)
    return tf.reduce_mean(tf.nn.relu(margin - signed))


def _loss(config: HingeConfig, batch: LossBatch) -> tf.Tensor:
    return hinge_loss(*batch.pairs(), config.margin)


def _warnings(config: HingeConfig, batch_size: int) -> list[str]:
    return collapse_warning(config, batch_size, bound=-config.margin, ratio=1.0)


LOSSES.add("hinge", Loss(config=HingeConfig, function=_loss, warnings=_warnings))
