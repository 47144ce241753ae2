"""The sigmoid loss of a whole batch, a block of images at a time.

Each pair counts by itself, so that the matrix of similarities is never needed as a whole: a block
of its rows is made, used and forgotten, and made once more for the gradient.
"""

from collections.abc import Callable

import tensorflow as tf

from trainer.losses.positives import Rows


def sigmoid_in_blocks(
    images: tf.Tensor,
    texts: tf.Tensor,
    matches: Rows,
    logit_scale: tf.Tensor,
    bias: tf.Tensor,
    block: int,
) -> tf.Tensor:
    """`sigmoid` of all pairs of a batch in the memory of `block` rows of them, forward and back.

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
    count = tf.shape(images)[0]
    total = tf.cast(count, images.dtype)

    def signed(start: tf.Tensor, u: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """A block of similarities, and of z."""
        end = tf.minimum(start + block, count)
        z = tf.where(matches(start, end), tf.ones([], u.dtype), -tf.ones([], u.dtype))
        return tf.matmul(u[start:end], v, transpose_b=True), z

    @tf.custom_gradient
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
            return tuple(upstream / total * each for each in sums)

        start = [tf.constant(0), tf.zeros([], u.dtype)]
        _, found = tf.while_loop(lambda at, _: at < count, add, start, parallel_iterations=1)
        return found / total, backward

    return loss(images, texts, tf.convert_to_tensor(logit_scale), tf.convert_to_tensor(bias))
