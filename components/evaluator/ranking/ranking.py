"""Exact ranks of the right match among all candidates.

Protocol: every distinct text is one query for images, however many images carry it, and one
candidate; every image with a matching caption is one query for texts. The candidates are all
images, or all distinct texts, of the split. A text matches every image that carries it as a match;
matches of the same query never compete with each other.

Score: the dot product of two float32 embeddings. Two scores count as equal when they differ by
less than float64 can tell for sure, 4 d 2^-53 times the largest |x| |y| of the split; otherwise
they are ordered as the exact dot products are. So the ranks depend neither on the size of the
blocks nor on the BLAS, the threads or the workers that multiplied: float32 products decide what
they can, float64 the rest (`targets.py`).

Ties: a candidate that scores exactly as much as the match counts half, which is the expected
rank when ties are broken at random. A model that answers the same to everything thus lands in the
middle and not on top.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from components.evaluator.ranking.blocks import Counts, count
from components.evaluator.ranking.embedded import Embedded, match_pairs
from components.evaluator.ranking.targets import Targets, both_directions, squared_norms
from schema.errors import InputError


@dataclasses.dataclass(frozen=True)
class Ranks:
    """Ranks of the queries of one direction, float64 [q] each; nan for a query without a match.

    `best`: rank of the best match, 1 + better + tied / 2, over the candidates that do not match.

    `average_precision`: mean over the query's matches of i / rank_i, where match i of k, in the
    order of their scores, has rank_i = i + better_i + tied_i / 2 (again over the candidates that
    do not match). Without ties that is the average precision of Manning, Raghavan and Schütze,
    Introduction to Information Retrieval, 2008, section 8.4; with ties it is the precision at
    the expected ranks. A query with one match has 1 / best.

    `matches`: how many candidates match, int64 [q].
    """

    best: np.ndarray
    average_precision: np.ndarray
    matches: np.ndarray

    def __len__(self) -> int:
        return len(self.best)

    def __getitem__(self, queries: slice | np.ndarray) -> "Ranks":
        return Ranks(self.best[queries], self.average_precision[queries], self.matches[queries])

    @classmethod
    def concatenate(cls, parts: Sequence["Ranks"]) -> "Ranks":
        """Join the ranks of different queries."""
        none = cls(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
        fields = (field.name for field in dataclasses.fields(cls))
        return cls(
            *(np.concatenate([getattr(part, name) for part in (none, *parts)]) for name in fields)
        )


def rank(embedded: Embedded, best_only: bool = False) -> tuple[Ranks, Ranks]:
    """Rank every image and every distinct text against all candidates.

    Args:
        embedded: every record of the split.
        best_only: do without the average precision of queries with several matches, which is then
            nan; with five captions an image that saves up to half of the time.

    Returns:
        Ranks of the images among the texts [n], and of the texts among the images [u].

    Raises:
        InputError: an embedding's length is not a finite float32.
    """
    of_texts, of_images = find_targets(embedded, [embedded.texts], best_only)
    text_counts, image_counts = count(embedded.texts, embedded.images, of_texts, of_images)
    return ranks_of(of_images, image_counts), ranks_of(of_texts, text_counts)


def find_targets(
    embedded: Embedded, texts: Iterable[np.ndarray], best_only: bool = False
) -> tuple[Targets, Targets]:
    """What the texts, and what the images, of a whole split must find.

    Args:
        embedded: every record of the split; the embeddings of its texts are not looked at.
        texts: those embeddings, in blocks of rows that follow each other: one is held at a time.
        best_only: want the rank of each query's best match only.

    Raises:
        InputError: an embedding's length is not a finite float32.
    """
    _refuse_not_finite("image", embedded.images, embedded.keys)
    carriers = embedded.owner[np.unique(embedded.text, return_index=True)[1]]

    def checked() -> Iterator[np.ndarray]:
        start = 0
        for block in texts:
            owners = carriers[start : start + len(block)].tolist()
            _refuse_not_finite("text", block, [embedded.keys[n] for n in owners])
            yield block
            start += len(block)

    return both_directions(checked(), embedded.images, *match_pairs(embedded), best_only)


def ranks_of(targets: Targets, counts: Counts) -> Ranks:
    """The ranks that follow from the counts of all candidates."""
    matches = np.diff(targets.starts)
    query = targets.query()
    order = 1 + np.arange(len(query)) - targets.starts[query]
    ranks = order + counts.better + counts.tied / 2
    best = np.full(len(targets), np.nan)
    best[matches > 0] = ranks[order == 1]
    precision = np.full(len(targets), np.nan)
    known = (matches > 0) & (targets.wanted == matches)
    precision[known] = np.bincount(query, order / ranks, len(targets))[known] / matches[known]
    return Ranks(best, precision, matches)


def _refuse_not_finite(kind: str, rows: np.ndarray, keys: Sequence[str]) -> None:
    """No comparison with nan holds, so such a query would rank first."""
    broken = np.flatnonzero(~np.isfinite(squared_norms(rows)))
    if len(broken):
        raise InputError(f"record {keys[broken[0]]!r}: its {kind} embedding has no finite length")
