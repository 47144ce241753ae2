"""Search exactly: the k largest inner products, in blocks, without a full sort.

The exact search of usearch takes three times as long and orders ties at random.
"""

import numpy as np

QUERIES_AT_ONCE = 512  # a product of this width runs at full speed
SCORES_AT_ONCE = 2**19  # of one block, float32: 2 MiB, which stay in the processor's cache


def top_k(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k vectors with the largest inner product with each query, best first.

    Memory is bounded by the block and the answers, never by queries x vectors; `vectors` may be
    mapped from a file. Equal products, as float32 has them, stand in the order of the vectors.

    Args:
        queries: finite float32 [q, d].
        vectors: finite float32 [n, d].
        k: answers to a query, 1 to n.

    Returns:
        Positions among the vectors, int64 [q, k], and inner products, float32 [q, k].
    """
    positions = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        part = slice(start, start + QUERIES_AT_ONCE)
        positions[part], scores[part] = _search(queries[part], vectors, k)
    return positions, scores


def _search(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows = max(1, SCORES_AT_ONCE // len(queries))
    buffer = np.empty((min(rows, len(vectors)), len(queries)), np.float32)
    best = _Best(len(queries), k)
    for start in range(0, len(vectors), rows):
        block = vectors[start : start + rows]
        best.offer(np.matmul(block, queries.T, out=buffer[: len(block)]), start)
    return best.answers()


class _Best:
    """Keep the k best of all the scores seen so far, for each of some queries.

    Scores that beat the k-th best are few after the first blocks: they are put aside, and sorted
    only when there are about as many as answers. Until then the bar of a query stays where it was.
    """

    def __init__(self, queries: int, k: int):
        self._k = k
        self._bar = np.full(queries, -np.inf, np.float32)  # k scores seen are at least this
        nothing = np.zeros(0, np.int16), np.zeros(0, np.int64), np.zeros(0, np.float32)
        self._parts = [nothing]  # (query, position, score) of what was put aside
        self._pending, self._room = 0, queries * k

    def offer(self, scores: np.ndarray, first: int) -> None:
        """Look at a block of scores [vectors, queries]; `first` is its first vector's position."""
        above = scores > self._bar
        # A first block, or one of ever better vectors, would put nearly all of itself aside.
        if len(scores) > self._k and np.count_nonzero(above) > 2 * self._room:
            above &= scores >= np.partition(scores, len(scores) - self._k, axis=0)[-self._k]
        places = np.flatnonzero(above)
        if len(places):
            place, query = np.divmod(places, scores.shape[1])
            self._parts.append((query.astype(np.int16), place + first, scores.ravel()[places]))
            self._pending += len(places)
            if self._pending > self._room:
                self._sort()

    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores, [queries, k] each."""
        self._sort()
        [(_, positions, scores)] = self._parts
        return positions.reshape(-1, self._k), scores.reshape(-1, self._k)

    def _sort(self) -> None:
        query, positions, scores = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        # By query, then score. Positions were put aside in ascending order and both sorts are
        # stable, so ties keep it. NumPy's stable sort of int16 takes linear time.
        order = np.argsort(-scores, kind="stable")
        order = order[np.argsort(query[order], kind="stable")]
        query = query[order]
        rank = np.arange(len(query)) - np.searchsorted(query, np.arange(len(self._bar)))[query]
        kth = rank == self._k - 1
        self._bar[query[kth]] = scores[order[kth]]
        kept = order[rank < self._k]
        self._parts = [(query[rank < self._k], positions[kept], scores[kept])]
        self._pending = 0
