"""Which captions and images belong together: by ownership, and by the caption's words."""

import unicodedata

import numpy as np

from components.evaluation.embedded import Embedded


def match_pairs(embedded: Embedded) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a matching caption and an image that carries it, word for word.

    A caption that its record calls a mismatch is in no pair, and makes none for others.

    Returns:
        Text and image index of each pair, int64 [p] each, in the order of text, then image.
    """
    asked = np.flatnonzero(embedded.is_match)
    numbers: dict[str, int] = {}
    words = np.array(
        [
            numbers.setdefault(same_words(embedded.captions[text]), len(numbers))
            for text in asked.tolist()
        ],
        np.int64,
    )
    # Each wording with each image that carries it, once, in the order of the wordings.
    images = max(len(embedded.keys), 1)
    carried = np.unique(words * images + embedded.owner[asked])
    starts = np.searchsorted(carried, np.arange(len(numbers) + 1) * images)
    counts = np.diff(starts)[words]
    text = np.repeat(asked, counts)
    before = np.cumsum(counts) - counts  # pairs of the captions before
    return text, carried[np.arange(len(text)) + np.repeat(starts[words] - before, counts)] % images


def same_words(caption: str) -> str:
    """What two captions share when they say the same: form, case and white space are ignored."""
    if not caption.isascii():
        caption = unicodedata.normalize("NFKC", caption)
    return " ".join(caption.lower().split())
