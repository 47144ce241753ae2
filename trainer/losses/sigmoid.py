"""SigLIP's loss: every pair decided by itself, by a logit with a learned scale and bias."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from schema.config.section import PositiveInt
from trainer.losses.batch import LossBatch
from trainer.losses.positives import Rows
from trainer.losses.registry import LOSSES, Loss, Pairs, PairwiseConfig, Temperature

if TYPE_CHECKING:
    import tensorflow as tf


LARGEST_BIAS_ERROR = math.log(10)  # odds ten times wrong


class SigmoidConfig(PairwiseConfig):
    """SigLIP: every pair decided by itself, by a logit with a learned scale and bias."""

    name: Literal["sigmoid"]
    """Name of the loss."""
    pairs: Pairs = "all"
    """given: the records' own pairs; all: every image of the batch with every text."""
    temperature: Temperature = 0.1
    """Temperature at the start, learned from there."""
    bias: float | None = None
    """Bias of the logit at the start, learned from there; None: fits the pairs of an image."""
    block: PositiveInt | None = None
    """Rows of the matrix of similarities in memory at once, with pairs: all; None: all."""

    @property
    def rows_at_once(self) -> int | None:
        """Rows of the matrix of similarities that are in memory at once; None: all."""
        return self.block

    @model_validator(mode="after")
    def _block_is_of_all_pairs(self) -> Self:
        if self.block is not None and self.pairs != "all":
            raise ValueError(f"block = {self.block} needs pairs: all")
        return self


def fitting_bias(config: SigmoidConfig, batch_size: int) -> float:
    """Return the bias by which a pair's odds are right before anything is learned.

    Formula: ln(p / (1 - p)), p = 1 / (pairs of an image): -ln(B - 1) for a whole batch of B. The
    -10 of SigLIP fits a batch of 22,000.

    Reference: https://github.com/mlfoundations/open_clip/issues/650
    """
    row = batch_size if config.pairs == "all" else 1 + config.sampled_mismatches
    return -math.log(max(row - 1, 1))


def sigmoid_loss(
    similarity: tf.Tensor, label: tf.Tensor, logit_scale: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Decide for every pair by itself whether it matches: SigLIP's loss.

    Formula: `-log sigmoid(z (t s + b))` with z = 1 where y = 1 and z = -1 where y = 0, summed over
    all pairs and divided by the number of images.

    Args:
        similarity: s, [images] or [images, texts].
        label: y, 0 or 1, same shape, any dtype.
        logit_scale: t, scalar.
        bias: b, scalar; at the start ln(p / (1 - p)), where p is the share of matches in a row.

    Example: s = [[0.5, 0]], y = [[1, 0]], t = 2, b = -1 gives softplus(-(1 - 1)) + softplus(-1) =
    0.6931 + 0.3133 = 1.0064.

    Reference: Zhai et al., "Sigmoid loss for language image pre-training" (2023).
    """
    import tensorflow as tf

    similarity = tf.convert_to_tensor(similarity)
    logits = logit_scale * similarity + bias
    # -log sigmoid(x) = softplus(-x), which does not overflow.
    per_pair = tf.nn.softplus(tf.where(tf.cast(label, tf.bool), -logits, logits))
    return tf.reduce_sum(per_pair) / tf.cast(tf.shape(similarity)[0], similarity.dtype)


def sigmoid_loss_in_blocks(
    images: tf.Tensor,
    texts: tf.Tensor,
    matches: Rows,
    logit_scale: tf.Tensor,
    bias: tf.Tensor,
    block: int,
) -> tf.Tensor:
    """Compute `sigmoid_loss` of all pairs in the memory of `block` rows of them.

    Every pair counts by itself, so the matrix of similarities is never needed as a whole: a block
    of its rows is computed, used and dropped, and computed once more for the gradient.

    Args:
        images: u, [n, d].
        texts: v, [m, d].
        matches: the rows [start, end) of y, bool [end - start, m].
        logit_scale: t, scalar.
        bias: b, scalar.
        block: rows at once.

    Returns:
        A scalar; gradients of images, texts, scale and bias are exact.
    """
    import tensorflow as tf

    count = tf.shape(images)[0]
    total = tf.cast(count, images.dtype)

    def signed(start: tf.Tensor, u: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """A block of similarities, and of z."""
        end = tf.minimum(start + block, count)
        z = tf.where(matches(start, end), tf.ones([], u.dtype), -tf.ones([], u.dtype))
        return tf.matmul(u[start:end], v, transpose_b=True), z

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # mypy skips TensorFlow
    def loss(
        u: tf.Tensor, v: tf.Tensor, t: tf.Tensor, b: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        def add(start: tf.Tensor, so_far: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            s, z = signed(start, u, v)
            return start + block, so_far + tf.reduce_sum(tf.nn.softplus(-z * (t * s + b)))

        def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            # d softplus(-z x) / dx = -z sigmoid(-z x)
            def add_gradients(start: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
                s, z = signed(start, u, v)
                by_logit = -z * tf.sigmoid(-z * (t * s + b))
                rows = tf.range(start, tf.minimum(start + block, count))
                of_u = t * tf.matmul(by_logit, v)
                of_v = t * tf.matmul(by_logit, u[start : start + block], transpose_a=True)
                by_u, by_v, by_t, by_b = sums
                return (
                    start + block,
                    tf.tensor_scatter_nd_update(by_u, rows[:, None], of_u),
                    by_v + of_v,
                    by_t + tf.reduce_sum(by_logit * s),
                    by_b + tf.reduce_sum(by_logit),
                )

            zero = tf.zeros([], u.dtype)
            start = [tf.constant(0), tf.zeros_like(u), tf.zeros_like(v), zero, zero]
            _, *sums = tf.while_loop(
                lambda at, *_: at < count, add_gradients, start, parallel_iterations=1
            )
            return tuple(upstream / total * gradient for gradient in sums)

        start = [tf.constant(0), tf.zeros([], u.dtype)]
        _, total_loss = tf.while_loop(lambda at, _: at < count, add, start, parallel_iterations=1)
        return total_loss / total, backward

    return loss(images, texts, tf.convert_to_tensor(logit_scale), tf.convert_to_tensor(bias))


def _loss(config: SigmoidConfig, batch: LossBatch) -> tf.Tensor:
    scale, bias = batch.logit_scale, batch.bias
    if config.block is None:
        return sigmoid_loss(*batch.pairs(), scale, bias)
    return sigmoid_loss_in_blocks(
        batch.images, batch.texts, batch.matches, scale, bias, config.block
    )


def _initial_bias(config: SigmoidConfig, batch_size: int) -> float:
    return fitting_bias(config, batch_size) if config.bias is None else config.bias


def _warnings(config: SigmoidConfig, batch_size: int) -> list[str]:
    fitting = fitting_bias(config, batch_size)
    if config.bias is None or abs(config.bias - fitting) <= LARGEST_BIAS_ERROR:
        return []
    return [
        f"loss.bias = {config.bias:g} does not fit training.batch_size = {batch_size}: "
        f"{fitting:.2f} does, and is taken if loss.bias is left out"
    ]


LOSSES.add(
    "sigmoid",
    Loss(
        config=SigmoidConfig,
        function=_loss,
        initial_temperature=lambda config: config.temperature,
        initial_bias=_initial_bias,
        needs_unit_length=True,
        warnings=_warnings,
    ),
)
