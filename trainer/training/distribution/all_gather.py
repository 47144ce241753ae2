"""What the replicas of a training step tell each other; a single one talks to nobody."""

import tensorflow as tf


def gather(*parts: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Join each replica's part of a batch, in the order of the replicas.

    Gradients flow back to every part: a replica's part gets the sum of what all replicas make
    of it.

    Args:
        parts: tensors [n, ...], n the same on every replica.

    Returns:
        As many tensors [replicas * n, ...].
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return parts
    # What came straight from the data has no device yet, and TensorFlow asks for one.
    placed = [tf.identity(part) for part in parts]
    return tuple(context.all_gather(placed, axis=0))
