"""Measure which share of the exact answers an index gives, and compare it with its gate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from components.catalogue_index.report import IndexReport

SCORES_AT_ONCE = 2**25  # of the reference, float32: 128 MiB
ROUNDING = 1e-6  # relative to the lengths of both vectors; float32 sums differ by less


def recall(index: CatalogueIndex, vectors: np.ndarray, queries: np.ndarray, k: int) -> float:
    """Measure the mean share of the exact top k that the index answers with.

    The reference is a plain product of each query with every vector. An answer counts when its
    inner product reaches the k-th largest: of several vectors that tie for the last place any is
    right. Two products of the same vectors may round differently, so `ROUNDING` is granted.

    Args:
        index: as it will be served.
        vectors: float32 [n, d], what was indexed, in the order of the index.
        queries: float32 [q, d]. Embeddings of texts, as people search with: they lie elsewhere
            than the images, and a graph over images finds less from there.
        k: answers to a query; n if that is less.
    """
    k = min(k, len(vectors))
    answers, _ = index.positions(queries, k)
    longest = max(
        float(np.linalg.norm(vectors[start : start + 2**16], axis=1).max())
        for start in range(0, len(vectors), 2**16)
    )
    at_once = max(1, SCORES_AT_ONCE // len(vectors))
    hits = 0
    for start in range(0, len(queries), at_once):
        part = queries[start : start + at_once]
        scores = part @ vectors.T
        kth = np.partition(scores, len(vectors) - k, axis=1)[:, -k]
        needed = kth - ROUNDING * longest * np.linalg.norm(part, axis=1)
        for row, answered in enumerate(answers[start : start + at_once]):
            hits += int(np.count_nonzero(scores[row, np.unique(answered)] >= needed[row]))
    return hits / (k * len(queries))


def write_index(
    keys: Sequence[str],
    vectors: np.ndarray,
    queries: np.ndarray,
    config: IndexConfig,
    folder: str | Path,
) -> IndexReport:
    """Build an index, write it, read it back, measure it, and write its report.

    A gate that does not hold is in the report and raises nothing.

    Args:
        keys: of the catalogue, [n].
        vectors: embeddings of the catalogue's images, float32 [n, d].
        queries: embeddings of captions, float32 [q, d].
        config: the `index` section.
        folder: on this machine.

    Raises:
        InputError: the catalogue or the queries cannot be used.
    """
    CatalogueIndex.build(keys, vectors, config).save(folder)
    index = CatalogueIndex.load(folder)
    measured = recall(index, vectors, queries, config.recall_at)
    report = index.report.gated(measured, len(queries), config)
    report.write(Path(folder))
    return report
