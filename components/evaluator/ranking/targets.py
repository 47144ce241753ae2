"""What a candidate must score to stand before a match, and how sure float32 can be of it.

A float32 dot product of d terms is off by at most g(d, 2^-24) |x| |y|, where g(d, u) =
d u / (1 - d u), in whatever order and with whatever instructions it was summed (Higham, Accuracy
and Stability of Numerical Algorithms, 2002, section 3.1). So a float32 score decides by itself
unless it lies within that distance of the match's score; then float64 decides.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from components.evaluator.ranking import threads

PAIRS_AT_ONCE = 1024  # bounds memory: 1,024 x d float64, twice


# What a score must exceed to be better than each match, and not to be worse; [p] each.
Limits = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Targets:
    """The matches of all queries of one direction; those of a query stand together, best first.

    `starts` int64 [q + 1] says where each query's matches begin; `wanted` int64 [q] how many of
    them shall be ranked, from the best on; `candidate` int64 [p]; `score` float64 [p]. A float32
    score within `coarse` of a match's is undecided, a float64 score within `fine` of it is a tie.
    """

    starts: np.ndarray
    wanted: np.ndarray
    candidate: np.ndarray
    score: np.ndarray
    coarse: float
    fine: float

    def __len__(self) -> int:
        return len(self.starts) - 1

    def query(self) -> np.ndarray:
        """The query of each match, [p]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def last_wanted(self) -> tuple[np.ndarray, np.ndarray]:
        """The queries with a match, and the worst match of each that shall be ranked."""
        queries = np.flatnonzero(self.wanted)
        return queries, self.starts[queries] + self.wanted[queries] - 1

    def limits(self, kind: type) -> Limits:
        """The limits for scores of this kind."""
        margin = self.coarse if kind is np.float32 else self.fine
        return (self.score + margin).astype(kind), (self.score - margin).astype(kind)

    def __getitem__(self, queries: slice) -> "Targets":
        """Of a range of the queries only."""
        first, last, _ = queries.indices(len(self))
        cut = slice(self.starts[first], self.starts[last])
        return dataclasses.replace(
            self,
            starts=self.starts[first : last + 1] - self.starts[first],
            wanted=self.wanted[first:last],
            candidate=self.candidate[cut],
            score=self.score[cut],
        )


def both_directions(
    texts: Iterable[np.ndarray],
    images: np.ndarray,
    text: np.ndarray,
    image: np.ndarray,
    best_only: bool = False,
) -> tuple[Targets, Targets]:
    """The targets of the queries of both directions.

    Args:
        texts: float32 [m, d], in blocks of rows that follow each other.
        images: float32 [n, d].
        text: index of the text of each match, ascending, [p].
        image: index of the image of each match, [p].
        best_only: want the rank of each query's best match only.

    Returns:
        Targets of the texts among the images, and of the images among the texts.
    """
    score = np.empty(len(text))
    count, longest = 0, 0.0
    for block in texts:
        first, last = np.searchsorted(text, [count, count + len(block)])
        _score_pairs(block, images, text[first:last] - count, image[first:last], score[first:last])
        longest = max(longest, float(squared_norms(block).max(initial=0)))
        count += len(block)
    width = images.shape[1]
    # A norm is rounded too; and what is lost to underflow is not relative to the norms.
    largest = 1.001 * float(np.float32(longest) ** 0.5)
    largest *= float(squared_norms(images).max(initial=0) ** 0.5)
    smallest = width * float(np.finfo(np.float32).tiny)
    # Twice what the score of a match and that of its competitor may be off together.
    fine = 4 * largest * _error(width, 2.0**-53) + smallest
    # The last term is what rounding a limit to float32 may take from it.
    coarse = largest * _error(width, 2.0**-24) + fine + largest * 2.0**-22
    most = 1 if best_only else len(text)
    return (
        _targets(count, most, text, image, score, coarse, fine),
        _targets(len(images), most, image, text, score, coarse, fine),
    )


def _score_pairs(
    texts: np.ndarray, images: np.ndarray, text: np.ndarray, image: np.ndarray, out: np.ndarray
) -> None:
    """As `pair_scores`, in threads."""

    def some(start: int) -> None:
        cut = slice(start, start + PAIRS_AT_ONCE)
        out[cut] = pair_scores(texts, images, text[cut], image[cut])

    threads.for_each(some, range(0, len(text), PAIRS_AT_ONCE))


def pair_scores(
    texts: np.ndarray, images: np.ndarray, text: np.ndarray, image: np.ndarray
) -> np.ndarray:
    """Dot products of pairs of rows, in float64, [p]."""
    scores = np.empty(len(text))
    for start in range(0, len(text), PAIRS_AT_ONCE):
        cut = slice(start, start + PAIRS_AT_ONCE)
        left, right = texts[text[cut]], images[image[cut]]
        scores[cut] = np.einsum("pd,pd->p", left.astype(np.float64), right.astype(np.float64))
    return scores


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """|x|^2 of each row, float32."""
    return np.einsum("nd,nd->n", rows, rows)


def _error(width: int, unit: float) -> float:
    return width * unit / (1 - width * unit)


def _targets(
    queries: int,
    most: int,
    query: np.ndarray,
    candidate: np.ndarray,
    score: np.ndarray,
    coarse: float,
    fine: float,
) -> Targets:
    order = np.lexsort((-score, query))
    starts = np.searchsorted(query[order], np.arange(queries + 1))
    wanted = np.minimum(np.diff(starts), most)
    return Targets(starts, wanted, candidate[order], score[order], coarse, fine)
