"""When two captions are the same text: evaluation asks, and offers, each text once."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from components.evaluator.metrics.embedding_sample import hash_of


def same_words(caption: str) -> str:
    """What two captions share when they say the same: form, case and white space are ignored."""
    if not caption.isascii():
        caption = unicodedata.normalize("NFKC", caption)
    return " ".join(caption.lower().split())


def text_ids(captions: Sequence[str]) -> np.ndarray:
    """64 bits for each caption, equal where they say the same; uint64 [m]."""
    return np.array([hash_of(same_words(caption)) for caption in captions], np.uint64)


def first_occurrences(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number distinct values in the order in which they first occur.

    Args:
        ids: [m].

    Returns:
        The place of the first occurrence of each, int [u], ascending; the number of each id, [m].
    """
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return first[order], number[inverse]
