"""The type that a network computes in."""

import contextlib
from collections.abc import Iterator

import keras

from trainer.config.training import Precision


@contextlib.contextmanager
def policy(precision: Precision) -> Iterator[None]:
    """Layers that are made inside compute in this type; their weights stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
