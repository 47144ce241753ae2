"""The embeddings of some records, and of a whole split when joined."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Embedded:
    """Embedded records: images [n, d]; texts [m, d] with the record each belongs to.

    `owner` is ascending, [m]; `is_match` [m] is False where the record calls the caption an
    explicit mismatch: such a caption is a candidate, never a query and never a match.
    """

    keys: Sequence[str]
    images: np.ndarray
    texts: np.ndarray
    captions: Sequence[str]
    owner: np.ndarray
    is_match: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence["Embedded"]) -> "Embedded":
        """Join batches into one, in the order of their keys."""
        parts = sorted((part for part in parts if len(part.keys)), key=lambda part: part.keys[0])
        starts = np.cumsum([0] + [len(part.keys) for part in parts])
        return cls(
            [key for part in parts for key in part.keys],
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.texts for part in parts]),
            [caption for part in parts for caption in part.captions],
            np.concatenate([p.owner + start for p, start in zip(parts, starts, strict=False)]),
            np.concatenate([part.is_match for part in parts]),
        )
