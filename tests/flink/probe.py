"""What a Beam worker can do, asked inside of it."""

import os
from typing import Any


def probe(element: int, graph: str) -> tuple[int, int, str]:
    """Do what needs tfx and tensorflow_text to have been imported before.

    Args:
        element: any number.
        graph: a Transform graph, which has text operations in it.

    Returns:
        The number, this process, and 'works' or what does not.
    """
    import tensorflow as tf

    try:
        import tensorflow_data_validation as _  # dies where nobody imported tfx

        loaded: Any = tf.saved_model.load(graph)  # dies where nobody imported tensorflow_text
        assert loaded is not None
    except Exception as error:
        return element, os.getpid(), f"{type(error).__name__}: {error}"[:200]
    return element, os.getpid(), "works"
