"""Count over the matrix of all scores, block by block, who stands before each match.

One product serves both directions: the rows of a block are compared with what its texts must beat,
its columns with what its images must beat. A thread holds one block at a time, so memory does not
grow with texts x images. float32 decides all but a narrow band of scores; those are computed again
in float64.
"""

import dataclasses
import itertools
import threading

import numpy as np

from components.evaluator.ranking import threads
from components.evaluator.ranking.rank_counts import between, count_over, reaching
from components.evaluator.ranking.targets import Targets, pair_scores

# Large enough for a full-speed product, small enough to be counted while still in the cache.
TEXTS_AT_ONCE = 1024
IMAGES_AT_ONCE = 1280
FEW = 1 / 64  # share of a block up to which the undecided scores are computed one by one


@dataclasses.dataclass
class Counts:
    """Candidates that do not match and stand before or level with each match, int64 [p]."""

    better: np.ndarray
    tied: np.ndarray

    @classmethod
    def zeros(cls, targets: Targets) -> "Counts":
        """Start at 0 for each match."""
        return cls(np.zeros(len(targets.score), np.int64), np.zeros(len(targets.score), np.int64))

    def add(self, other: "Counts", start: int = 0) -> None:
        """Add counts of this one's matches from `start` on."""
        cut = slice(start, start + len(other.better))
        self.better[cut] += other.better
        self.tied[cut] += other.tied


def count(
    texts: np.ndarray, images: np.ndarray, of_texts: Targets, of_images: Targets
) -> tuple[Counts, Counts]:
    """Count over the product of some texts with all images.

    Args:
        texts: float32 [m, d], all candidates of the images or a part of them.
        images: float32 [n, d], all candidates of the texts.
        of_texts: targets of these texts.
        of_images: targets of the images.

    Returns:
        Counts for the texts, complete; and for the images, as far as these texts go.
    """
    totals = Counts.zeros(of_texts), Counts.zeros(of_images)
    lock = threading.Lock()

    def one(corner: tuple[int, int]) -> None:
        row, column = corner
        rows = slice(row, row + TEXTS_AT_ONCE)
        columns = slice(column, column + IMAGES_AT_ONCE)
        block = _Block(texts[rows], images[columns], of_texts[rows], of_images[columns], column)
        of_rows, of_columns = block.count()
        with lock:
            totals[0].add(of_rows, of_texts.starts[row])
            totals[1].add(of_columns, of_images.starts[column])

    rows, columns = range(0, len(texts), TEXTS_AT_ONCE), range(0, len(images), IMAGES_AT_ONCE)
    threads.for_each(one, itertools.product(rows, columns))
    return totals


@dataclasses.dataclass(frozen=True)
class _Block:
    """Some texts [r, d] and some images [c, d] with the targets of their queries.

    `first_image` is the number of the block's first image among all candidates of the texts.
    """

    texts: np.ndarray
    images: np.ndarray
    of_texts: Targets
    of_images: Targets
    first_image: int

    def count(self) -> tuple[Counts, Counts]:
        """Count for the texts and for the images, within the block."""
        scores = self._scores(np.float32)
        return self._count(scores, self.of_texts, False), self._count(scores, self.of_images, True)

    def _scores(self, kind: type) -> np.ndarray:
        """Multiply; the scores of matches, which do not compete, are minus infinity."""
        scores: np.ndarray = (
            self.texts.astype(kind, copy=False) @ self.images.astype(kind, copy=False).T
        )
        column = self.of_texts.candidate - self.first_image
        here = (column >= 0) & (column < len(self.images))
        scores[self.of_texts.query()[here], column[here]] = -np.inf
        return scores

    def _count(self, scores: np.ndarray, targets: Targets, by_image: bool) -> Counts:
        better, undecided = _count_over(scores, targets, by_image)
        if undecided.sum() > scores.size * FEW:
            return Counts(*_count_over(self._scores(np.float64), targets, by_image))
        table = scores.T if by_image else scores
        match, candidate = between(
            table, targets, targets.limits(np.float32), np.flatnonzero(undecided)
        )
        query = targets.query()[match]
        text, image = (candidate, query) if by_image else (query, candidate)
        score = pair_scores(self.texts, self.images, text, image)
        above, below = targets.limits(np.float64)
        is_better = score > above[match]
        is_tied = ~is_better & (score > below[match])
        better += np.bincount(match[is_better], minlength=len(better))
        return Counts(better, np.bincount(match[is_tied], minlength=len(better)))


def _count_over(
    scores: np.ndarray, targets: Targets, by_image: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Count the scores that are better than each match for sure, and those that are undecided."""
    table = scores.T if by_image else scores
    limits = targets.limits(scores.dtype.type)
    better, reached = count_over(table, reaching(table, targets, limits), targets, limits)
    return better, reached - better
