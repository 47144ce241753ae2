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
    # In the form that the converter to LiteRT knows as its own operator; it has none for erf.
    doubled = 1.0 + tf.math.erf(x * math.sqrt(0.5))

    def backward(upstream: tf.Tensor) -> tf.Tensor:
        density = tf.exp(-0.5 * tf.square(x)) * (1 / math.sqrt(2 * math.pi))
        return upstream * (0.5 * doubled + x * density)

    return 0.5 * x * doubled, backward


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


def attention(qkv: tf.Tensor, is_token: tf.Tensor | None, heads: int) -> tf.Tensor:
    """Mix the values of all tokens by the similarity of queries and keys, head by head.

    Formula: with s = width / heads and for each head, `softmax(q k^T / sqrt(s)) v`. The gradient of
    the softmax needs, for each query, the sum of its weights times their gradients; that equals the
    product of the mixture with its own gradient, which has s components and not one for each token.

    Args:
        qkv: queries, keys and values side by side, [n, tokens, 3 * width].
        is_token: [n, tokens], 0 where no query may look; None: nowhere.
        heads: they divide the width.

    Returns:
        [n, tokens, width], of the type of `qkv`; the softmax is computed in float32, as half
        precision has too few bits for a sum over many tokens.

    Reference: Vaswani et al., "Attention is all you need" (2017); the sum as in Dao et al.,
    "FlashAttention" (2022), section 3.1.
    """
    tokens, size = tf.shape(qkv)[1], qkv.shape[2] // 3 // heads
    static = qkv.shape[1] if qkv.shape[1] is not None else tokens
    scale = size**-0.5

    def by_head(x: tf.Tensor) -> tf.Tensor:
        split = tf.reshape(x, [-1, static, x.shape[2] // size // heads, heads, size])
        return tf.transpose(split, [2, 0, 3, 1, 4])

    @tf.custom_gradient
    def attend(qkv: tf.Tensor) -> tuple[tf.Tensor, Backward]:
        q, k, v = tf.unstack(by_head(qkv))
        q = q * scale
        logits = tf.cast(tf.matmul(q, k, transpose_b=True), tf.float32)
        if is_token is not None:
            logits += 1e9 * (tf.cast(is_token, tf.float32)[:, None, None, :] - 1.0)
        weights = tf.nn.softmax(logits)
        mixed = tf.matmul(tf.cast(weights, qkv.dtype), v)

        def backward(upstream: tf.Tensor) -> tf.Tensor:
            of_mixed = by_head(upstream)[0]
            of_v = tf.matmul(tf.cast(weights, qkv.dtype), of_mixed, transpose_a=True)
            of_weights = tf.cast(tf.matmul(of_mixed, v, transpose_b=True), tf.float32)
            product = tf.cast(of_mixed, tf.float32) * tf.cast(mixed, tf.float32)
            along = tf.reduce_sum(product, -1, keepdims=True)
            of_logits = tf.cast(weights * (of_weights - along), qkv.dtype)
            of_q = tf.matmul(of_logits, k) * scale
            of_k = tf.matmul(of_logits, q, transpose_a=True)
            together = tf.transpose(tf.stack([of_q, of_k, of_v]), [1, 3, 0, 2, 4])
            return tf.reshape(together, tf.shape(qkv))

        merged = tf.transpose(mixed, [0, 2, 1, 3])
        return tf.reshape(merged, [-1, static, heads * size]), backward

    return attend(qkv)
