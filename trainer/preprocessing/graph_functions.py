"""Parts of the graph as functions of their own: traced once in a process, and held once.

Tracing, saving and loading a graph take time in proportion to its operations.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def shared(*signature: tf.TensorSpec) -> Callable[[Any], Any]:
    """Make a function of tensors that the graph holds once, however often it is called.

    Args:
        signature: what its arguments are.
    """
    return tf.function(input_signature=signature, autograph=False)


def rare(*signature: tf.TensorSpec) -> Callable[[Any], Any]:
    """Make a function as `shared`, for a branch that few images or captions take.

    TensorFlow puts other functions into the graph that calls them, prepares all of it before its
    first run, and visits the operations of every branch in each run. A function of this kind stays
    apart and is prepared when it is called first.

    Args:
        signature: what its arguments are.
    """
    apart = {"_noinline": True}
    return tf.function(input_signature=signature, autograph=False, experimental_attributes=apart)
