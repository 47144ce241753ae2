"""Exchange tensors among the replicas of a training step."""

import tensorflow as tf


def gather(*parts: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Concatenate the replicas' parts of a batch, in the order of the replicas.

    Gradients flow back to every part: a part gets the sum of the gradients of all replicas. With a
    single replica the parts are returned as they are.

    Args:
        parts: tensors [n, ...], n the same on every replica.

    Returns:
        As many tensors [replicas * n, ...].
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return parts
    # Tensors straight from a dataset have no device yet, which all_gather requires.
    placed = [tf.identity(part) for part in parts]
    # One by one: TensorFlow stacks the gradients of tensors that are gathered together, which fails
    # where their shapes differ, as with several captions of an image.
    return tuple(context.all_gather(part, axis=0) for part in placed)
