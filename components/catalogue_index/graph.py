"""Search more vectors than exact search can go over, by the graph of usearch.

HNSW, Malkov and Yashunin 2016, as https://github.com/unum-cloud/usearch has it.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
from usearch.index import Index, Matches

from components.catalogue_index.config import UsearchConfig
from components.catalogue_index.report import IndexReport
from schema.errors import InputError

VERSION = version("usearch")
ROWS_AT_ONCE = 2**16  # vectors added at a time


def build(vectors: np.ndarray, config: UsearchConfig) -> Index:
    """Build a graph over float32 [n, d] whose keys are the positions of the vectors.

    Vectors are added from several threads, so two graphs of the same vectors may differ in details.
    """
    graph = Index(
        ndim=vectors.shape[1],
        metric="ip",
        dtype=config.dtype,
        connectivity=config.connectivity,
        expansion_add=config.expansion_add,
        expansion_search=config.expansion_search,
    )
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        block = vectors[start : start + ROWS_AT_ONCE]
        graph.add(np.arange(start, start + len(block), dtype=np.uint64), block)
    return graph


def propose(graph: Index, queries: np.ndarray, k: int) -> np.ndarray:
    """Search the graph: int64 [q, k]; -1 where it gives no more."""
    matches = graph.search(queries, k)
    proposed = np.full((len(queries), k), -1, np.int64)
    if isinstance(matches, Matches):  # usearch's answer to a single query
        proposed[0, : len(matches)] = matches.keys
    else:
        valid = np.arange(k) < matches.counts[:, None]
        proposed[valid] = matches.keys[valid]
    return proposed


def read(file: Path, facts: IndexReport) -> Index:
    """Open a graph; it stays in its file.

    Raises:
        InputError: the file is missing, damaged, or not of so many vectors.
    """
    assert facts.usearch is not None  # the caller has looked
    if not file.exists():
        raise InputError(f"{file}: No such file or directory")
    try:
        graph = Index.restore(
            str(file),
            view=True,
            expansion_search=facts.usearch.expansion_search,  # the file does not keep it
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{file}: is damaged or not a graph of usearch") from error
    if graph is None or (len(graph), graph.ndim) != (facts.vectors, facts.dim):
        raise InputError(f"{file}: is not a graph of {facts.vectors} vectors of {facts.dim} values")
    return graph
