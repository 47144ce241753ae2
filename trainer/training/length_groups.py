"""Embed the short texts of a step apart from the long ones, so that fewer places are padding.

The texts of a step are cut to the longest of them, and few are as long. Two groups, sorted by
length and each cut to its own longest text, take the place of one.
"""

from collections.abc import Callable

import tensorflow as tf

from trainer.training.data.input_pipeline import without_padding

# Of the texts. A share that is known beforehand needs no search in each step, and lengths have a
# tail: behind three quarters of the texts the longest one is much shorter than the longest of all.
SHORT_QUARTERS = 3


def embed(embed_texts: Callable[[tf.Tensor], tf.Tensor], tokens: tf.Tensor) -> tf.Tensor:
    """Embed texts in two groups by their length.

    Args:
        embed_texts: tokens [m, t] to embeddings [m, d]; one does not depend on the others, nor on
            the padding.
        tokens: [n, t], 0 = padding, at the end of a row only.

    Returns:
        The embeddings [n, d], in the order of `tokens`.
    """
    order = tf.argsort(tf.math.count_nonzero(tokens, axis=1), stable=True)
    ordered = tf.gather(tokens, order)
    cut = tf.shape(tokens)[0] * SHORT_QUARTERS // 4
    groups = [embed_texts(without_padding(group)) for group in (ordered[:cut], ordered[cut:])]
    embedded = tf.concat(groups, 0)
    in_place = tf.scatter_nd(order[:, None], embedded, tf.shape(embedded))
    return tf.ensure_shape(in_place, [tokens.shape[0], *embedded.shape[1:]])
