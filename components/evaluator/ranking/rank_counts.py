"""Count the scores over the limits of each match: many at a time, or one by one.

A table holds the scores of some queries, a row each, [q, c], of either memory layout; the scores
of a query's own matches are minus infinity in it.
"""

import numpy as np

from components.evaluator.ranking.targets import Limits, Targets

MANY = 12  # wanted matches of a query beyond which its scores are sorted
BYTES_SUM_TO = 255  # so many ones add up within one byte


def reaching(table: np.ndarray, targets: Targets, limits: Limits) -> np.ndarray:
    """Whether a score matters to its query: is not sure to be worse than all wanted matches."""
    bounds = np.full((len(table), 1), np.inf, table.dtype)
    asked, last = targets.last_wanted()
    bounds[asked, 0] = limits[1][last]
    return table > bounds


def one_by_one(
    table: np.ndarray, matters: np.ndarray, targets: Targets, limits: Limits, better: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add the scores over the limit to `better` [p]; match and candidate of the undecided."""
    query, candidate = _true_places(matters)
    matches = targets.wanted[query]
    before = np.cumsum(matches) - matches
    match = np.arange(matches.sum()) + np.repeat(targets.starts[query] - before, matches)
    score = np.repeat(table[query, candidate], matches)
    above, below = limits
    sure = score > above[match]
    better += np.bincount(match[sure], minlength=len(better))
    undecided = ~sure & (score > below[match])
    return match[undecided], np.repeat(candidate, matches)[undecided]


def side_by_side(
    table: np.ndarray, matters: np.ndarray, targets: Targets, limits: Limits
) -> tuple[np.ndarray, np.ndarray]:
    """How many scores of its query lie over each match's two limits, int64 [p] each."""
    over = np.zeros(len(targets.score), np.int64), np.zeros(len(targets.score), np.int64)
    asked, last = targets.last_wanted()
    over[1][last] = _row_sums(matters)[asked]
    wanted = np.where(targets.wanted > MANY, 0, targets.wanted)
    for found, limit, several in zip(over, limits, (wanted, wanted - 1), strict=True):
        for level in range(several.max(initial=0)):
            rows = np.flatnonzero(several > level)
            mine = targets.starts[rows] + level
            if 2 * len(rows) > len(table):  # comparing the others too is cheaper than a copy
                part, back = table, rows
            else:
                part, back = _rows(table, rows), np.arange(len(rows))
            bound = np.full((len(part), 1), np.inf, table.dtype)
            bound[back, 0] = limit[mine]
            found[mine] = _row_sums(part > bound)[back]
    for query in np.flatnonzero(targets.wanted > MANY):
        all_of_it = slice(targets.starts[query], targets.starts[query] + targets.wanted[query])
        scores = np.sort(table[query])
        for found, limit in zip(over, limits, strict=True):
            found[all_of_it] = len(scores) - np.searchsorted(scores, limit[all_of_it], "right")
    return over


def _row_sums(truths: np.ndarray) -> np.ndarray:
    """Number of true values in each row: bytes are added as bytes, not too many at a time."""
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
    """Match and candidate of the scores between the two limits of some matches."""
    query = targets.query()
    above, below = limits
    found = [np.zeros((2, 0), np.int64)]
    for start in range(0, len(matches), len(table)):  # of copies, no more than a tile at a time
        some = matches[start : start + len(table)]
        rows = _rows(table, query[some])
        match, candidate = _true_places((rows > below[some, None]) & (rows <= above[some, None]))
        found.append(np.stack([some[match], candidate]))
    match, candidate = np.concatenate(found, axis=1)
    return match, candidate


def _rows(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """As table[rows], in the layout of the table: copied along the memory, twice as fast."""
    if table.flags.c_contiguous:
        return table.take(rows, axis=0)
    return table.T.take(rows, axis=1).T


def _true_places(truths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As np.nonzero in any order, several times faster, for a matrix of either layout."""
    if truths.flags.c_contiguous:
        row, column = np.divmod(np.flatnonzero(truths.ravel()), truths.shape[1])
        return row, column
    column, row = np.divmod(np.flatnonzero(truths.T.ravel()), truths.shape[0])
    return row, column
