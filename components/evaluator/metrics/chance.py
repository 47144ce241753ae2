"""Compute each metric of ranks for candidates that are put in an order at random.

Of N candidates m match a query, and its rank is that of its best match among the N - m others, as
in `ranking`. With S(j) = C(N - m, j) / C(N, j), the probability that none of the first j candidates
matches (hypergeometric):

- P(rank > k) = S(k), so recall@k is 1 - S(k); with one match k / N.
- MRR is the sum over r of (S(r - 1) - S(r)) / r; with one match H_N / N, H_N = 1 + 1/2 + ... + 1/N.
- The mean rank is (N + 1) / (m + 1). The median rank is the least r at which the mean of 1 - S(r)
  over the queries reaches one half.
- The average precision is (H_N + (N - H_N) (m - 1) / (N - 1)) / N: the candidate at place p
  matches with m / N, and then 1 + (p - 1) (m - 1) / (N - 1) of the first p are expected to match.

Of several queries it is the mean over them. Classes: k / classes. Pairs: 1/2 for the area under the
curve, and for the accuracy the share of the more frequent label.
"""

import math
from collections.abc import Callable

import numpy as np

NOTHING = 28  # S(j) is below exp(-j m / N); exp(-28) is below 1e-12
FACTORS = 100  # as many are multiplied; beyond, logarithms of factorials are exact enough

Of = Callable[[int, int], float]  # matches and candidates to an expectation


def of_ranks(matches: np.ndarray, candidates: int) -> dict[str, float]:
    """Return the chance of each of `names.STATISTICS`.

    Args:
        matches: of each query, int [q], each from 1 to `candidates`.
        candidates: there are.
    """
    several, queries = np.unique(matches, return_counts=True)
    share = queries / queries.sum()

    def mean(expected: Of) -> float:
        values = [expected(m, candidates) for m in several.tolist()]
        return float(share @ values)

    def within(rank: int) -> float:
        return float(share @ (1 - none_of_first(several, candidates, rank)))

    return {
        "recall_at_1": within(1),
        "recall_at_5": within(5),
        "recall_at_10": within(10),
        "mrr": mean(reciprocal_rank),
        "median_rank": float(_least(within, candidates)),
        "mean_rank": mean(lambda m, n: (n + 1) / (m + 1)),
        "map": mean(average_precision),
    }


def none_of_first(matches: np.ndarray, candidates: int, first: int) -> np.ndarray:
    """Compute S(first): the probability that none of the first candidates matches, [q]."""
    others = candidates - matches.astype(np.float64)
    if first <= FACTORS:
        drawn = np.arange(min(first, candidates))
        # One factor is 0 once the first are more than there are others.
        factors = np.maximum(others[:, None] - drawn, 0) / (candidates - drawn)
        return np.asarray(factors.prod(axis=1))
    logarithms = [
        math.lgamma(each + 1)
        - math.lgamma(each - first + 1)
        - math.lgamma(candidates + 1)
        + math.lgamma(candidates - first + 1)
        if first <= each
        else -math.inf
        for each in others.tolist()
    ]
    return np.exp(logarithms)


def reciprocal_rank(matches: int, candidates: int) -> float:
    """Compute the expectation of 1 / rank."""
    others = candidates - matches
    last = min(others, NOTHING * candidates // matches)
    drawn = np.arange(last)
    none = np.concatenate([[1], np.cumprod((others - drawn) / (candidates - drawn)), [0]])
    return float((none[:-1] - none[1:]) @ (1 / np.arange(1, last + 2)))


def average_precision(matches: int, candidates: int) -> float:
    """Compute the expectation of the average precision."""
    harmonic = float((1 / np.arange(1, candidates + 1)).sum())
    further = (matches - 1) / max(candidates - 1, 1)
    return (harmonic + (candidates - harmonic) * further) / candidates


def _least(within: Callable[[int], float], candidates: int) -> int:
    low, high = 1, candidates
    while low < high:
        middle = (low + high) // 2
        # Sums of logarithms are off by about 1e-12, and one half is often met exactly.
        low, high = (low, middle) if within(middle) >= 0.5 - 1e-9 else (middle + 1, high)
    return low
