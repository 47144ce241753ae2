"""What is kept of each record once it is ranked: all that any metric of any slice needs."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from components.evaluation.sample import Sample

# Columns of `Scores.images` and `Scores.texts`.
RANK, AVERAGE_PRECISION = 0, 1
CLASS_RANK = SIMILARITY = 2


@dataclasses.dataclass(frozen=True)
class Scores:
    """Some records as one model, or a candidate and its baseline, sees them.

    Attributes:
        keys: [n].
        captions: how many each record has, int [n].
        labels: whether a caption matches its image, bool [m], record by record.
        images: rank and average precision of each image's matches, and the rank of its class;
            float64 [n, models, 3], nan where there is none.
        texts: rank and average precision of each caption's matches, nan for an explicit mismatch,
            and the similarity of the caption to its own image; float64 [m, models, 3].
        sample: the embeddings.
    """

    keys: tuple[str, ...]
    captions: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    texts: np.ndarray
    sample: Sample

    @property
    def owner(self) -> np.ndarray:
        """The record of each caption, int [m]."""
        return np.repeat(np.arange(len(self.keys)), self.captions)

    @classmethod
    def concatenate(cls, parts: Sequence["Scores"]) -> "Scores":
        """Join scores of disjoint records."""
        return cls(
            tuple(key for part in parts for key in part.keys),
            np.concatenate([part.captions for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.texts for part in parts]),
            Sample.concatenate([part.sample for part in parts]),
        )

    def sorted(self) -> "Scores":
        """The same records in the order of their keys, whatever order they arrived in."""
        order = np.array(sorted(range(len(self.keys)), key=self.keys.__getitem__), int)
        places = np.empty(len(order), int)
        places[order] = np.arange(len(order))
        captions = np.argsort(places[self.owner], kind="stable")
        return Scores(
            tuple(self.keys[record] for record in order),
            self.captions[order],
            self.labels[captions],
            self.images[order],
            self.texts[captions],
            self.sample,
        )
