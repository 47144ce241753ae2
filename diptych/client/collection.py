"""A collection of images that can be searched: the index of a release, or of a folder."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from components.catalogue_index import exact
from schema.errors import InputError

_ROWS_AT_ONCE = 2**16  # vectors that are gathered at a time


@dataclasses.dataclass(frozen=True)
class Hit:
    """An answer to a query.

    Attributes:
        key: of the record; in a folder the path below it.
        score: inner product with the query; of normalised embeddings their cosine.
        path: of the file, where there is one.
    """

    key: str
    score: float
    path: Path | None


class Collection(Protocol):
    """Embedded images with what a page shows of them. Its methods may run in threads.

    Attributes:
        keys: of all images.
        dim: values of an embedding.
    """

    @property
    def keys(self) -> Sequence[str]:
        """Return the keys of all images."""

    @property
    def dim(self) -> int:
        """Return how many values an embedding has."""

    def search(
        self, query: np.ndarray, k: int, where: Mapping[str, str] | None = None
    ) -> list[Hit]:
        """Return the images whose embeddings have the largest inner product with a query.

        Args:
            query: float32 [d].
            k: most answers.
            where: attributes that an answer must have, all of them.

        Raises:
            InputError: the query is of another size or not finite, or `k` is less than 1.
        """

    def thumbnail(self, key: str) -> bytes | None:
        """Return a small image, JPEG, PNG or WebP of at most 256 pixels a side; None: none."""

    def captions(self, key: str) -> Sequence[str]:
        """Return the captions of an image."""

    def attributes(self, key: str) -> Mapping[str, str]:
        """Return the attributes of an image."""

    def attribute_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many images have each value of each attribute, by name and value."""


def checked_query(query: np.ndarray, dim: int, k: int) -> np.ndarray:
    """Return a query as float32 [1, d].

    Raises:
        InputError: it is of another shape or not finite, or `k` is less than 1.
    """
    try:
        vector = np.asarray(query, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError("a query must be an array of numbers") from error
    if vector.shape != (dim,):
        raise InputError(f"the query has the shape {list(vector.shape)}, this index takes [{dim}]")
    if not np.isfinite(vector).all():
        raise InputError("the query holds a value that is not finite")
    if not isinstance(k, int | np.integer) or isinstance(k, bool):
        raise InputError(f"k is of the type {type(k).__name__}, not a whole number")
    if k < 1:
        raise InputError(f"k = {k} must be at least 1")
    return vector[None]


class AttributeTable:
    """Which images have an attribute.

    Args:
        attributes: of every image, in the order of the vectors.
    """

    def __init__(self, attributes: Iterable[Mapping[str, str]]):
        positions: dict[str, dict[str, list[int]]] = {}
        for position, values in enumerate(attributes):
            for name, value in values.items():
                positions.setdefault(name, {}).setdefault(value, []).append(position)
        self._positions = {
            name: {value: np.array(some, np.int64) for value, some in sorted(values.items())}
            for name, values in sorted(positions.items())
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images by name and value."""
        return {
            name: {value: len(some) for value, some in values.items()}
            for name, values in self._positions.items()
        }

    def positions(self, where: Mapping[str, str]) -> np.ndarray:
        """Return the positions of the images that have all of some attributes, ascending."""
        none = np.zeros(0, np.int64)
        sets = [self._positions.get(name, {}).get(value, none) for name, value in where.items()]
        positions = sets[0]
        for other in sets[1:]:
            positions = np.intersect1d(positions, other, assume_unique=True)
        return positions


def search_among(
    query: np.ndarray, vectors: np.ndarray, positions: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best of some vectors, best first; ties stand in the order of the vectors.

    Args:
        query: float32 [1, d].
        vectors: float32 [n, d], which may be mapped from a file.
        positions: of those that may be answers, int64 [m], ascending.
        k: most answers.

    Returns:
        Positions, int64 [min(k, m)], and inner products, float32.
    """
    best, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for start in range(0, len(positions), _ROWS_AT_ONCE):
        part = positions[start : start + _ROWS_AT_ONCE]
        places, found = exact.top_k(query, vectors[part], min(k, len(part)))
        best, scores = np.append(best, part[places[0]]), np.append(scores, found[0])
        order = np.argsort(-scores, kind="stable")[:k]
        best, scores = best[order], scores[order]
    return best, scores
