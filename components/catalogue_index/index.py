"""Keep keys and vectors in files, and search them exactly or through a graph.

Exact search goes over every vector (`exact.py`). Beyond a million vectors the graph of usearch
(HNSW, https://github.com/unum-cloud/usearch) proposes the answers, and their inner products are
then taken from the stored vectors, so that a similarity means the same in both kinds.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from usearch.index import Index

from components.catalogue_index import exact, files, graph, report
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.report import IndexReport
from schema.errors import InputError

ROWS_AT_ONCE = 2**16  # vectors handled at a time where all at once may not fit into memory
FLOATS_AT_ONCE = 2**22  # gathered at a time to score the graph's answers, 16 MiB


class CatalogueIndex:
    """Find the keys whose vectors have the largest inner product with a query.

    Args:
        facts: what `index.json` says.
        keys: [n].
        vectors: float32 [n, d], in memory or mapped from a file.
        hnsw: the graph of an index of kind usearch.
    """

    def __init__(
        self, facts: IndexReport, keys: Sequence[str], vectors: np.ndarray, hnsw: Index | None
    ):
        self.report = facts
        self._keys, self._vectors, self._hnsw = np.array(keys, object), vectors, hnsw

    @property
    def keys(self) -> list[str]:
        """A copy of the keys of the vectors, in their order."""
        return list(self._keys)

    @property
    def vectors(self) -> np.ndarray:
        """The vectors, float32 [n, d], in memory or mapped from a file."""
        return self._vectors

    @classmethod
    def build(
        cls, keys: Sequence[str], vectors: np.ndarray, config: IndexConfig
    ) -> "CatalogueIndex":
        """Index vectors. The order given is the order of ties.

        Args:
            keys: [n], each one different.
            vectors: float32 [n, d].
            config: the `index` section.

        Raises:
            InputError: no vectors, not one key per vector, a key twice, a value that is not finite.
        """
        if vectors.ndim != 2 or not vectors.size:
            raise InputError(
                f"the catalogue's vectors have the shape {list(vectors.shape)}, not [n, d]"
            )
        if len(keys) != len(vectors):
            raise InputError(f"the catalogue has {len(keys)} keys for {len(vectors)} vectors")
        seen: set[str] = set()
        for key in keys:
            if key in seen:
                raise InputError(f"the catalogue has two images with the key {key!r}")
            seen.add(key)
        vectors = np.ascontiguousarray(vectors, np.float32)
        for start in range(0, len(vectors), ROWS_AT_ONCE):
            finite = np.isfinite(vectors[start : start + ROWS_AT_ONCE]).all(axis=1)
            if not finite.all():
                key = keys[start + int(np.argmin(finite))]
                raise InputError(f"the embedding of {key!r} holds a value that is not finite")
        kind, (count, dim) = config.kind_for(len(vectors)), vectors.shape
        if kind == "exact":
            return cls(IndexReport(kind=kind, vectors=count, dim=dim), keys, vectors, None)
        facts = IndexReport(
            kind=kind,
            vectors=count,
            dim=dim,
            usearch=config.usearch,
            usearch_version=graph.VERSION,
        )
        return cls(facts, keys, vectors, graph.build(vectors, config.usearch))

    def save(self, folder: str | Path) -> None:
        """Write the index's files into a folder on this machine; it is made if there is none."""
        to = Path(folder)
        to.mkdir(parents=True, exist_ok=True)
        files.write(self._keys, self._vectors, to)
        if self._hnsw is not None:
            self._hnsw.save(str(to / files.GRAPH))
        self.report.write(to)

    @classmethod
    def load(cls, folder: str | Path) -> "CatalogueIndex":
        """Open the index in a folder; its vectors and its graph stay in their files.

        Raises:
            InputError: a file is missing, damaged, or does not fit the others.
        """
        facts = report.read(folder)
        keys, vectors = files.read(Path(folder), (facts.vectors, facts.dim))
        hnsw = None if facts.usearch is None else graph.read(Path(folder, files.GRAPH), facts)
        return cls(facts, keys, vectors, hnsw)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best keys of each query, as `positions` does.

        Returns:
            Keys, str objects [q, min(k, n)], and inner products, float32 of the same shape.
        """
        positions, similarities = self.positions(queries, k)
        return self._keys[positions], similarities

    def positions(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best vectors of each query, best first; ties stand in the order of the index.

        An exact index answers with the k largest inner products. A graph answers with those it
        finds; where it reaches fewer than k vectors, that query is searched exactly.

        Args:
            queries: [q, d], q at least 1.
            k: answers to a query, at least 1; a catalogue of n < k vectors gives n.

        Returns:
            Positions in the order of the index, int64 [q, min(k, n)], and inner products, float32.

        Raises:
            InputError: `queries` or `k` cannot be used.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        dim = self.report.dim
        if queries.ndim != 2 or queries.shape[1] != dim or not len(queries):
            raise InputError(
                f"the queries have the shape {list(queries.shape)}, this index takes "
                f"[at least 1, {dim}]"
            )
        if not np.isfinite(queries).all():
            raise InputError("a query holds a value that is not finite")
        if k < 1:
            raise InputError(f"k = {k} must be at least 1")
        k = min(k, self.report.vectors)
        if self._hnsw is None:
            return exact.top_k(queries, self._vectors, k)
        proposed = graph.propose(self._hnsw, queries, k)
        short = (proposed < 0).any(axis=1)
        positions, similarities = self._score(queries, np.where(proposed < 0, 0, proposed))
        if short.any():
            positions[short], similarities[short] = exact.top_k(queries[short], self._vectors, k)
        return positions, similarities

    def _score(self, queries: np.ndarray, proposed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sort the graph's answers [q, k] by their inner products in float32."""
        proposed = np.sort(proposed, axis=1)  # so that ties end up in the order of the index
        scores = np.empty(proposed.shape, np.float32)
        at_once = max(1, FLOATS_AT_ONCE // (proposed.shape[1] * self.report.dim))
        for start in range(0, len(queries), at_once):
            part = slice(start, start + at_once)
            gathered = self._vectors[proposed[part]]
            scores[part] = np.matmul(gathered, queries[part, :, None])[..., 0]
        order = np.argsort(-scores, axis=1, kind="stable")
        return np.take_along_axis(proposed, order, 1), np.take_along_axis(scores, order, 1)
