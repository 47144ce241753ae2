"""The inputs of `benchmarks.features`, for both sides; needs NumPy only."""

import time
from collections.abc import Callable

import numpy as np

IMAGES, SIZE, TEXTS = 32, 224, 256
SECONDS = 3.0


def pixels() -> np.ndarray:
    """Normalised pixels, float32 [32, 224, 224, 3]."""
    return np.random.default_rng(0).normal(0, 1, (IMAGES, SIZE, SIZE, 3)).astype(np.float32)


def tokens() -> np.ndarray:
    """Token ids of captions of 6 to 30 tokens, int64 [256, 30], 0 = padding."""
    drawn = np.random.default_rng(0)
    lengths = drawn.integers(6, 31, (TEXTS, 1))
    ids = drawn.integers(1000, 30_000, (TEXTS, 30))
    return np.where(np.arange(30) < lengths, ids, 0).astype(np.int64)


def rate(embed: Callable[[], object], count: int) -> float:
    """Return the inputs a second of a function that embeds `count` of them."""
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        embed()
        done += count
    return done / (time.perf_counter() - start)
