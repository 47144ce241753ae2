"""CLIP's loss: a softmax over the batch, from images to texts and from texts to images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, LossConfig, Temperature

if TYPE_CHECKING:
    import tensorflow as tf


class InfoNceConfig(LossConfig):
    """CLIP's symmetric softmax cross entropy over the batch."""

    name: Literal["info_nce"]
    """Name of the loss."""
    pairs: Literal["all"] = "all"
    """all: every image of the batch with every text."""
    temperature: Temperature = 0.07
    """Temperature at the start, learned from there."""


def info_nce_loss(similarity: tf.Tensor, matches: tf.Tensor, logit_scale: tf.Tensor) -> tf.Tensor:
    """Softmax cross entropy over the batch, image to text and text to image, averaged.

    Formula: with logits l = logit_scale * s and targets q_ij = y_ij / sum_j y_ij,
    `(mean_i CE(q_i., softmax l_i.) + mean_j CE(q_.j, softmax l_.j)) / 2`.
    With one match a row this is CLIP's loss; further matches in the batch share the target, so
    that they are never pushed away as negatives. A row or column without any match is left out.

    Args:
        similarity: s, [images, texts].
        matches: y, [images, texts], 0 or 1 or bool.
        logit_scale: t, the inverse temperature, scalar.

    Reference: Radford et al., "Learning transferable visual models from natural language
    supervision" (2021); several positives as in Khosla et al., "Supervised contrastive learning"
    (2020), L_out.
    """
    import tensorflow as tf

    logits = logit_scale * tf.convert_to_tensor(similarity)
    y = tf.cast(matches, logits.dtype)
    image_to_text = _cross_entropy(logits, y)
    text_to_image = _cross_entropy(tf.transpose(logits), tf.transpose(y))
    return 0.5 * (image_to_text + text_to_image)


def _cross_entropy(logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    matches_per_row = tf.reduce_sum(y, axis=1)
    targets = tf.math.divide_no_nan(y, matches_per_row[:, None])
    per_row = tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    # TensorFlow's gradient takes targets to sum to 1 and would push a row of zeros, hence the mask.
    has_match = tf.cast(matches_per_row > 0, logits.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(per_row * has_match), tf.reduce_sum(has_match))


def _loss(_config: InfoNceConfig, batch: LossBatch) -> tf.Tensor:
    return info_nce_loss(*batch.pairs(), batch.logit_scale)


LOSSES.add(
    "info_nce",
    Loss(
        config=InfoNceConfig,
        function=_loss,
        initial_temperature=lambda config: config.temperature,
        needs_unit_length=True,
    ),
)
