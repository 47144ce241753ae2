"""Vectors in an index of the catalogue, and what a full sort answers, for several tests."""

import numpy as np
import pytest

from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from schema.errors import InputError

EXACT, USEARCH = IndexConfig(kind="exact"), IndexConfig(kind="usearch")


def full_sort(queries, vectors, k):
    """All products, sorted by value, then by position."""
    scores = queries @ vectors.T
    places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return places, np.take_along_axis(scores, places, 1)


def named(vectors, config=EXACT) -> CatalogueIndex:
    return CatalogueIndex.build([f"k{n}" for n in range(len(vectors))], vectors, config)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def sentence(call, *args) -> str:
    with pytest.raises(InputError) as caught:
        call(*args)
    return str(caught.value)
