"""Seeds as functions of the run's seed and the step, so that no random generator has a state.

A resumed run draws what it would have drawn without the interruption, and two runs with the same
seed draw the same numbers.
"""

from typing import Final

import tensorflow as tf

# Kinds of draws, which differ within a step.
AUGMENT, CAPTION, MISMATCH, DROPOUT = range(4)
_KINDS: Final = 4


def seed(run: int, step: tf.Tensor | int, kind: int, part: tf.Tensor | int = 0) -> tf.Tensor:
    """Make a seed for TensorFlow's stateless random functions.

    Args:
        run: the seed of the run.
        step: number of the training step.
        kind: one of the constants of this module.
        part: number of a worker, replica, chunk or layer; each draws other numbers.

    Returns:
        int64 [2].
    """
    base = tf.stack([tf.cast(run * _KINDS + kind, tf.int64), tf.cast(step, tf.int64)])
    return tf.random.fold_in(base, tf.cast(part, tf.int64))
