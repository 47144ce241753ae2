"""The scores of each record once it is ranked: all that any metric of any slice needs."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from components.evaluator.metrics.embedding_sample import Sample

# Columns of `Scores.images` and `Scores.texts`.
RANK, AVERAGE_PRECISION = 0, 1
CLASS_RANK = SIMILARITY = 2
# The arrays of `Scores`, by what their rows are.
BY_RECORD = ("captions", "images", "image_matches")
BY_CAPTION = ("labels", "text_ids", "texts", "text_matches")


@dataclasses.dataclass(frozen=True)
class Candidates:
    """How many candidates there are in the whole split: images, distinct texts, known classes."""

    images: int
    texts: int
    classes: int


@dataclasses.dataclass(frozen=True)
class Scores:
    """Some records as one model, or a candidate and its baseline, sees them.

    Attributes:
        keys: [n].
        classes: of each record for zero-shot classification, None where it has none, [n].
        captions: how many each record has, int [n].
        images: rank and average precision of each image's matches, and the rank of its class;
            float64 [n, models, 3], nan where there is none.
        image_matches: how many texts match each image, int [n].
        labels: whether a caption matches its image, bool [m], record by record.
        text_ids: equal for captions that are the same text, uint64 [m].
        texts: rank and average precision of each caption's text, nan for an explicit mismatch, and
            the similarity of the caption to its own image; float64 [m, models, 3].
        text_matches: how many images match each caption's text, int [m].
        candidates: of the split.
        sample: the embeddings.
    """

    keys: tuple[str, ...]
    classes: tuple[str | None, ...]
    captions: np.ndarray
    images: np.ndarray
    image_matches: np.ndarray
    labels: np.ndarray
    text_ids: np.ndarray
    texts: np.ndarray
    text_matches: np.ndarray
    candidates: Candidates
    sample: Sample

    @property
    def owner(self) -> np.ndarray:
        """The record of each caption, int [m]."""
        return np.repeat(np.arange(len(self.keys)), self.captions)

    @classmethod
    def concatenate(cls, parts: Sequence["Scores"]) -> "Scores":
        """Join scores of disjoint records of one split."""

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        return cls(
            keys=tuple(key for part in parts for key in part.keys),
            classes=tuple(name for part in parts for name in part.classes),
            **{name: joined(name) for name in (*BY_RECORD, *BY_CAPTION)},
            candidates=parts[0].candidates,
            sample=Sample.concatenate([part.sample for part in parts]),
        )

    def sorted(self) -> "Scores":
        """The same records in the order of their keys, whatever order they arrived in."""
        order = np.array(sorted(range(len(self.keys)), key=self.keys.__getitem__), int)
        places = np.empty(len(order), int)
        places[order] = np.arange(len(order))
        captions = np.argsort(places[self.owner], kind="stable")
        return Scores(
            keys=tuple(self.keys[record] for record in order),
            classes=tuple(self.classes[record] for record in order),
            **{name: getattr(self, name)[order] for name in BY_RECORD},
            **{name: getattr(self, name)[captions] for name in BY_CAPTION},
            candidates=self.candidates,
            sample=self.sample,
        )
