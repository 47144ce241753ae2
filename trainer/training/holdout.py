"""A share of the train split kept apart, by the key of the image: a search judges its trials on it.

All captions of an image are on one side, and which one it is depends on the key alone: neither on
the other records nor on their order.
"""

from collections.abc import Callable

import tensorflow as tf

from schema import features

Keep = Callable[[dict[str, tf.Tensor]], tf.Tensor]  # whether a record is kept, a boolean scalar
BUCKETS = 2**20  # a share is rounded to one part of so many


def kept_apart(share: float) -> Keep:
    """The records of that share of the keys."""
    return lambda record: _bucket(record) < round(share * BUCKETS)


def learned_from(share: float) -> Keep:
    """All others."""
    return lambda record: _bucket(record) >= round(share * BUCKETS)


def _bucket(record: dict[str, tf.Tensor]) -> tf.Tensor:
    # Hashed once more: which of the splits a key is in may depend on its fingerprint, too.
    return tf.strings.to_hash_bucket_fast(tf.strings.as_string(record[features.KEY_ID]), BUCKETS)
