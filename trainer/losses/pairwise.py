"""Losses of single pairs: pure functions of a similarity and its label, of any shape.

Notation: u_i image embedding, v_j text embedding, s_ij = u_i . v_j, y_ij = 1 if image i and text j
match, else 0. Every function returns a scalar of the similarity's dtype.
"""

import tensorflow as tf


def cosine_embedding(
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
    similarity = tf.convert_to_tensor(similarity)
    positive = positive_weight * (1.0 - similarity)
    negative = negative_weight * tf.nn.relu(similarity - margin)
    return tf.reduce_mean(tf.where(_is_match(label), positive, negative))


def hinge(similarity: tf.Tensor, label: tf.Tensor, margin: float = 0.2) -> tf.Tensor:
    """Push matches above the margin and mismatches below minus the margin.

    Formula: mean of `max(0, margin - s)` where y = 1 and of `max(0, s + margin)` where y = 0.

    Args:
        similarity: s, any shape.
        label: y, 0 or 1, same shape, any dtype.
        margin: distance from zero at which a pair costs nothing.

    Example: s = [0.1, 0.3], y = [1, 0], margin 0.2 gives (0.1 + 0.5) / 2 = 0.3.

    Reference: Cortes and Vapnik, "Support-vector networks" (1995), with target +1 or -1.
    """
    similarity = tf.convert_to_tensor(similarity)
    signed = tf.where(_is_match(label), similarity, -similarity)
    return tf.reduce_mean(tf.nn.relu(margin - signed))


def sigmoid(
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
    similarity = tf.convert_to_tensor(similarity)
    logits = logit_scale * similarity + bias
    # -log sigmoid(x) = softplus(-x), which does not overflow.
    per_pair = tf.nn.softplus(tf.where(_is_match(label), -logits, logits))
    return tf.reduce_sum(per_pair) / tf.cast(tf.shape(similarity)[0], similarity.dtype)


def _is_match(label: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.cast(label, tf.int32), 1)
