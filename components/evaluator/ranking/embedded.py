"""The embeddings of some records, and of a whole split when joined."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Embedded:
    """Embedded records: their images, and the distinct texts of their captions.

    Captions that say the same are one text with one embedding, whichever records carry them.

    Attributes:
        keys: [n].
        images: float32 [n, d].
        texts: float32 [u, d].
        ids: of the texts, uint64 [u], each once.
        text: the text of each caption, int [m].
        owner: the record of each caption, int [m], ascending.
        is_match: False where the record calls the caption an explicit mismatch, bool [m]. Its text
            is a candidate, and a query only if another record carries it as a match.
    """

    keys: Sequence[str]
    images: np.ndarray
    texts: np.ndarray
    ids: np.ndarray
    text: np.ndarray
    owner: np.ndarray
    is_match: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence["Embedded"]) -> "Embedded":
        """Join batches into one, in the order of their keys."""
        parts = in_order(parts)
        places = places_of(parts)
        starts = np.cumsum([0] + [len(part.keys) for part in parts])
        return cls(
            [key for part in parts for key in part.keys],
            np.concatenate([part.images for part in parts]),
            np.concatenate([p.texts[place.new] for p, place in zip(parts, places, strict=True)]),
            np.concatenate([p.ids[place.new] for p, place in zip(parts, places, strict=True)]),
            np.concatenate([place.text[p.text] for p, place in zip(parts, places, strict=True)]),
            np.concatenate([p.owner + start for p, start in zip(parts, starts, strict=False)]),
            np.concatenate([part.is_match for part in parts]),
        )


def match_pairs(embedded: Embedded) -> tuple[np.ndarray, np.ndarray]:
    """Pair each text with each image that carries it as a match, once: at most a pair a caption.

    As in training, a text that an image calls a mismatch does not match it, even if another
    caption of the image that says the same is called a match.

    Returns:
        Text and image index of each pair, int64 [p] each, in the order of text, then image.
    """
    images = max(len(embedded.keys), 1)
    carried = embedded.text * images + embedded.owner
    pairs = np.setdiff1d(carried[embedded.is_match], carried[~embedded.is_match])
    text, image = np.divmod(pairs, images)
    return text, image


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the texts of a part stand among those of all parts.

    Attributes:
        text: the number of each of its texts, int [u].
        new: the texts that no earlier part has, int; their numbers follow each other.
        first: the number of the first new one.
    """

    text: np.ndarray
    new: np.ndarray
    first: int


def in_order(parts: Sequence[Embedded]) -> list[Embedded]:
    """The parts that hold records, by their first keys."""
    return sorted((part for part in parts if len(part.keys)), key=lambda part: part.keys[0])


def places_of(parts: Sequence[Embedded]) -> list[Place]:
    """Number the distinct texts of all parts in the order in which they first occur."""
    first, number = first_occurrences(
        np.concatenate([part.ids for part in parts] or [np.zeros(0, np.uint64)])
    )
    places, start = [], 0
    for part in parts:
        end = start + len(part.ids)
        low, high = np.searchsorted(first, [start, end])
        places.append(Place(number[start:end], first[low:high] - start, int(low)))
        start = end
    return places


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
