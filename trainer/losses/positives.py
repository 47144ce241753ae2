"""Which images and texts of a batch match: by key and caption, wherever in the batch they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# Rows [start, end) of a match matrix.
Rows = Callable[["tf.Tensor | int", "tf.Tensor | int"], "tf.Tensor"]


def choose_caption(
    caption_ids: tf.Tensor, labels: tf.Tensor, matches_only: bool, seed: tf.Tensor
) -> tf.Tensor:
    """Draw one caption of each image at random.

    Args:
        caption_ids: [n, captions], 0 = padding.
        labels: [n, captions], 1 = matches its image.
        matches_only: draw among the matching captions where an image has any.
        seed: int [2]; the same seed, the same captions.

    Returns:
        Indices into the captions, int64 [n].
    """
    import tensorflow as tf

    preference = tf.cast(tf.not_equal(caption_ids, 0), tf.float32)
    if matches_only:
        preference += tf.cast(tf.equal(labels, 1), tf.float32)
    noise = tf.random.stateless_uniform(tf.shape(preference), seed)
    return tf.argmax(preference + noise, axis=1)


def chosen_texts(chosen: tf.Tensor) -> tf.Tensor:
    """Return which texts a batch has, if it has one of each record.

    Args:
        chosen: index of the caption of each record, [n].

    Returns:
        The record and the caption of each text, int64 [n, 2].
    """
    import tensorflow as tf

    records = tf.range(tf.size(chosen, out_type=tf.int64))
    return tf.stack([records, tf.cast(chosen, tf.int64)], axis=1)


def all_texts(caption_ids: tf.Tensor) -> tf.Tensor:
    """Return which texts a batch has, if it has all captions of each record.

    Args:
        caption_ids: [n, captions], 0 = padding.

    Returns:
        The record and the caption of each of the m texts, int64 [m, 2], record by record.
    """
    import tensorflow as tf

    return tf.where(tf.not_equal(caption_ids, 0))


def match_rows(
    key_ids: tf.Tensor, caption_ids: tf.Tensor, labels: tf.Tensor, texts: tf.Tensor
) -> Rows:
    """Return which images and texts of a batch match, a block of rows at a time.

    Image i and text j match if text j is the same caption as a matching one of image i, or if it is
    a matching caption of the same image key; never if the record of image i labels it a mismatch.

    Args:
        key_ids: int64 [n].
        caption_ids: int64 [n, captions], equal iff the texts are; 0 = padding.
        labels: [n, captions], 1 = matches its image.
        texts: the record and the caption of each text, int64 [m, 2].

    Returns:
        A function of (start, end) to bool [end - start, m], images x texts.
    """
    import tensorflow as tf

    text_ids = tf.gather_nd(caption_ids, texts)
    text_labels = tf.gather_nd(labels, texts)
    text_keys = tf.gather(key_ids, texts[:, 0])

    def rows(start: tf.Tensor | int, end: tf.Tensor | int) -> tf.Tensor:
        same_text = tf.equal(caption_ids[start:end, None, :], text_ids[None, :, None])
        is_match = tf.equal(labels[start:end], 1)[:, None, :]
        named = tf.reduce_any(same_text & is_match, axis=2)
        refused = tf.reduce_any(same_text & ~is_match, axis=2)
        same_key = tf.equal(key_ids[start:end, None], text_keys[None, :])
        return (named | same_key & tf.equal(text_labels, 1)[None, :]) & ~refused

    return rows


def sample_mismatches(matches: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
    """For every image, draw `count` different texts of the batch that do not match it.

    Args:
        matches: bool [n, n], images x texts.
        count: texts per image, less than n.
        seed: int [2]; the same seed, the same texts.

    Returns:
        Indices of texts, int32 [n, count]. Where a batch has too few mismatches, matches fill the
        row: look the label up in `matches` rather than taking it to be 0.
    """
    import tensorflow as tf

    noise = tf.random.stateless_uniform(tf.shape(matches), seed)
    order = noise - tf.cast(matches, tf.float32)
    return tf.math.top_k(order, k=count).indices
