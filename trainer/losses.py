"""Joint losses of two networks: pure functions of similarities, so gradients reach both towers.

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


def info_nce(similarity: tf.Tensor, matches: tf.Tensor, logit_scale: tf.Tensor) -> tf.Tensor:
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
    logits = logit_scale * tf.convert_to_tensor(similarity)
    y = tf.cast(matches, logits.dtype)
    image_to_text = _cross_entropy(logits, y)
    text_to_image = _cross_entropy(tf.transpose(logits), tf.transpose(y))
    return 0.5 * (image_to_text + text_to_image)


def _cross_entropy(logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    matches_per_row = tf.reduce_sum(y, axis=1)
    targets = tf.math.divide_no_nan(y, matches_per_row[:, None])
    per_row = tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    # TensorFlow's gradient takes targets to sum to 1 and would push a row of zeros, hence the mask.
    has_match = tf.cast(matches_per_row > 0, logits.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(per_row * has_match), tf.reduce_sum(has_match))


def _is_match(label: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.cast(label, tf.int32), 1)
