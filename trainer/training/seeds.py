"""Random draws as functions of the run's seed and the step, so that no generator has a state.

A run that was stopped and goes on draws what it would have drawn, and two runs with the same seed
draw the same, whatever was drawn in between.
"""

from typing import Final

import tensorflow as tf

# What is drawn, so that no two draws of a step are alike.
AUGMENT, CAPTION, MISMATCH, DROPOUT = range(4)
_KINDS: Final = 4


def seed(run: int, step: tf.Tensor | int, kind: int, part: tf.Tensor | int = 0) -> tf.Tensor:
    """A seed for TensorFlow's stateless random functions.

    Args:
        run: the seed of the run.
        step: number of the training step.
        kind: one of the constants of this module.
        part: of the step: a worker, a replica, a chunk, a layer; parts draw differently.

    Returns:
        int64 [2].
    """
    base = tf.stack([tf.cast(run * _KINDS + kind, tf.int64), tf.cast(step, tf.int64)])
    return tf.random.fold_in(base, tf.cast(part, tf.int64))
