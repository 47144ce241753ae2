"""Count the scores over the limits of each match.

A table holds the scores of some queries, a row each, [q, c], of either memory layout; the scores
of a query's own matches are minus infinity in it.
"""

import numpy as np

from components.evaluator.ranking.targets import Limits, Targets

MANY = 12  # wanted matches of a query beyond which its scores are sorted
BYTES_SUM_TO = 255  # as many ones add up within one byte


def reaching(table: np.ndarray, targets: Targets, limits: Limits) -> np.ndarray:
    """Mark the scores that are not sure to be worse than all wanted matches of their query."""
    bounds = np.full((len(table), 1), np.inf, table.dtype)
    queries, last = targets.last_wanted()
    bounds[queries, 0] = limits[1][last]
    return table > bounds


def count_over(
    table: np.ndarray, matters: np.ndarray, targets: Targets, limits: Limits
) -> tuple[np.ndarray, np.ndarray]:
    """Count the scores of its query over each match's two limits, int64 [p] each."""
    over = np.zeros(len(targets.score), np.int64), np.zeros(len(targets.score), np.int64)
    queries, last = targets.last_wanted()
    over[1][last] = _row_sums(matters)[queries]
    wanted = np.where(targets.wanted > MANY, 0, targets.wanted)
    for count, limit, several in zip(over, limits, (wanted, wanted - 1), strict=True):
        for level in range(several.max(initial=0)):
            rows = np.flatnonzero(several > level)
            mine = targets.starts[rows] + level
            if 2 * len(rows) > len(table):  # comparing the others too is cheaper than a copy
                part, back = table, rows
            else:
                part, back = _rows(table, rows), np.arange(len(rows))
            bound = np.full((len(part), 1), np.inf, table.dtype)
            bound[back, 0] = limit[mine]
            count[mine] = _row_sums(part > bound)[back]
    for query in np.flatnonzero(targets.wanted > MANY):
        all_of_it = slice(targets.starts[query], targets.starts[query] + targets.wanted[query])
        scores = np.sort(table[query])
        for count, limit in zip(over, limits, strict=True):
            count[all_of_it] = len(scores) - np.searchsorted(scores, limit[all_of_it], "right")
    return over


def _row_sums(truths: np.ndarray) -> np.ndarray:
    """Count the true values of each row: bytes are added as bytes, not too many at a time."""
    sums = np.zeros(len(truths), np.int64)
    done = 0
    if truths.flags.c_contiguous:  # eight bytes side by side
        done = truths.shape[1] // 8 * 8
        words = truths[:, :done].view(np.uint64)
        for start in range(0, words.shape[1], BYTES_SUM_TO):
            eight = np.add.reduce(words[:, start : start + BYTES_SUM_TO], axis=1)
            sums += eight.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.int64)
    for start in range(done, truths.shape[1], BYTES_SUM_TO):
        few = truths[:, start : start + BYTES_SUM_TO].view(np.uint8)
        sums += np.add.reduce(few, axis=1, dtype=np.uint8)
    return sums


def between(
    table: np.ndarray, targets: Targets, limits: Limits, matches: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the match and the candidate of the scores between the two limits of some matches."""
    query = targets.query()
    above, below = limits
    pairs = [np.zeros((2, 0), np.int64)]
    for start in range(0, len(matches), len(table)):  # of copies, no more than a block at a time
        some = matches[start : start + len(table)]
        rows = _rows(table, query[some])
        match, candidate = _true_places((rows > below[some, None]) & (rows <= above[some, None]))
        pairs.append(np.stack([some[match], candidate]))
    match, candidate = np.concatenate(pairs, axis=1)
    return match, candidate


def _rows(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Take table[rows] in the layout of the table: copied along the memory, twice as fast."""
    if table.flags.c_contiguous:
        return table.take(rows, axis=0)
    return table.T.take(rows, axis=1).T


def _true_places(truths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Do as np.nonzero, in any order, several times faster, for a matrix of either layout."""
    if truths.flags.c_contiguous:
        row, column = np.divmod(np.flatnonzero(truths.ravel()), truths.shape[1])
        return row, column
    column, row = np.divmod(np.flatnonzero(truths.T.ravel()), truths.shape[0])
    return row, column
