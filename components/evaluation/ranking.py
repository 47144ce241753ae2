"""Exact ranks of the right match among all candidates.

Protocol: every matching caption is a query for images, every image with such a caption is a query
for captions. The candidates are all images, or all captions, of the split. A query succeeds with
any of its matches, so the rank of the best one counts. Matches are a caption and its own image,
and every image that carries the same caption, word for word.

Ties: a candidate that scores exactly as much as the best match counts half, which is the expected
rank when ties are broken at random. A model that answers the same to everything thus lands in the
middle and not on top.
"""

import dataclasses
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

QUERIES_AT_ONCE = 256  # bounds memory: 256 x candidates float32 similarities


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


class Candidates:
    """All images and captions of a split, ready to be ranked against.

    Args:
        embedded: every record of the split.
    """

    def __init__(self, embedded: Embedded):
        self._embedded = embedded
        self._texts_that_say: dict[str, list[int]] = defaultdict(list)
        self._images_of: dict[str, list[int]] = defaultdict(list)
        for text, caption in enumerate(embedded.captions):
            if embedded.is_match[text]:
                words = _same_words(caption)
                self._texts_that_say[words].append(text)
                self._images_of[words].append(int(embedded.owner[text]))

    def ranks(self, queries: Embedded) -> tuple[np.ndarray, list[np.ndarray]]:
        """Rank the right match of every image and of every caption of some records.

        Returns:
            Image-to-text rank of each image, float64 [n], nan for an image without a matching
            caption; and text-to-image ranks of each record's matching captions, n arrays.
        """
        asked = [
            np.flatnonzero((queries.owner == n) & queries.is_match).tolist()
            for n in range(len(queries.keys))
        ]
        said = [[_same_words(queries.captions[text]) for text in texts] for texts in asked]
        image_matches = [
            sorted({text for words in mine for text in self._texts_that_say[words]})
            for mine in said
        ]
        image_ranks = best_ranks(queries.images, self._embedded.texts, image_matches)
        order = [text for texts in asked for text in texts]
        text_matches = [sorted(set(self._images_of[words])) for mine in said for words in mine]
        text_ranks = best_ranks(queries.texts[order], self._embedded.images, text_matches)
        return image_ranks, np.split(text_ranks, np.cumsum([len(texts) for texts in asked])[:-1])


def best_ranks(
    queries: np.ndarray, candidates: np.ndarray, matches: Sequence[Sequence[int]]
) -> np.ndarray:
    """Rank of the best-scoring match of each query, in blocks of queries.

    Args:
        queries: [q, d].
        candidates: [c, d].
        matches: indices of the matching candidates of each query.

    Returns:
        1 + (candidates that score more) + (other candidates that score the same) / 2, float64 [q];
        nan where a query has no match.
    """
    ranks = np.full(len(queries), np.nan)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        scores = queries[start : start + QUERIES_AT_ONCE] @ candidates.T
        for row, score in enumerate(scores):
            mine = matches[start + row]
            if len(mine):
                best = score[mine].max()
                tied = np.count_nonzero(score == best) - np.count_nonzero(score[mine] == best)
                ranks[start + row] = 1 + np.count_nonzero(score > best) + tied / 2
    return ranks


def _same_words(caption: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", caption).lower().split())
