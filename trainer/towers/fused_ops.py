"""Operations of a transformer with hand-written gradients, in few passes over memory.

What TensorFlow derives by itself keeps and reads back every intermediate, and on a CPU that costs
more than the matrix products beside it: a gelu of [1024, 1536] and its gradient take 16 ms that
way and 8 ms this way, a layer normalisation of [1024, 384] 5 ms and 2.6 ms, on two cores.
"""

import math
from collections.abc import Callable

import tensorflow as tf

Backward = Callable[[tf.Tensor], tf.Tensor]


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Backward]:
    """Compute the exact GELU, `x P(x)` with P the cumulative normal distribution.

    Its derivative is `P(x) + x p(x)`, p the density.

    Reference: Hendrycks and Gimpel, "Gaussian error linear units" (2016).
    """
    below = 0.5 + 0.5 * tf.math.erf(x * math.sqrt(0.5))

    def backward(upstream: tf.Tensor) -> tf.Tensor:
        density = tf.exp(-0.5 * tf.square(x)) * (1 / math.sqrt(2 * math.pi))
        return upstream * (below + x * density)

    return x * below, backward


@tf.custom_gradient
def layer_norm(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor | None, ...]]]:
    """Normalise vectors to mean 0 and variance 1, then scale and shift them.

    Args:
        x: [..., width].
        gamma: scale, [width].
        beta: offset, [width].
        epsilon: added to the variance.

    Reference: Ba, Kiros and Hinton, "Layer normalization" (2016).
    """
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + epsilon)
    normed = centred * inverse

    def backward(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        # What moves all components of a vector alike, or along itself, is normalised away.
        scaled = upstream * gamma
        along = tf.reduce_mean(scaled * normed, -1, keepdims=True)
        of_x = inverse * (scaled - tf.reduce_mean(scaled, -1, keepdims=True) - normed * along)
        vectors = list(range(len(x.shape) - 1))
        of_gamma = tf.reduce_sum(upstream * normed, vectors)
        return of_x, of_gamma, tf.reduce_sum(upstream, vectors), None

    return normed * gamma + beta, backward
