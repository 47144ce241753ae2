"""One tile of the matrix of all scores: who stands before each match, exactly."""

import dataclasses

import numpy as np

from components.evaluator.ranking.rank_counts import (
    MANY,
    between,
    one_by_one,
    reaching,
    side_by_side,
)
from components.evaluator.ranking.targets import Targets, pair_scores

FEW = 1 / 64  # share of a tile up to which its scores are looked at one by one


@dataclasses.dataclass
class Counts:
    """Candidates that are no matches and stand before or level with each match, int64 [p]."""

    better: np.ndarray
    tied: np.ndarray

    @classmethod
    def zeros(cls, targets: Targets) -> "Counts":
        return cls(np.zeros(len(targets.score), np.int64), np.zeros(len(targets.score), np.int64))

    def add(self, other: "Counts", start: int = 0) -> None:
        """Add counts of this one's matches from `start` on."""
        cut = slice(start, start + len(other.better))
        self.better[cut] += other.better
        self.tied[cut] += other.tied


@dataclasses.dataclass(frozen=True)
class Tile:
    """Some texts [r, d] and some images [c, d] with the targets of their queries.

    `first_image` is the number of the tile's first image among all candidates of the texts.
    """

    texts: np.ndarray
    images: np.ndarray
    of_texts: Targets
    of_images: Targets
    first_image: int

    def count(self) -> tuple[Counts, Counts]:
        """Counts for the texts and for the images, within the tile."""
        scores = self._scores(np.float32)
        return self._count(scores, self.of_texts, False), self._count(scores, self.of_images, True)

    def _scores(self, kind: type) -> np.ndarray:
        """Scores of all but the matches, which are out of the race."""
        scores: np.ndarray = (
            self.texts.astype(kind, copy=False) @ self.images.astype(kind, copy=False).T
        )
        column = self.of_texts.candidate - self.first_image
        here = (column >= 0) & (column < len(self.images))
        scores[self.of_texts.query()[here], column[here]] = -np.inf
        return scores

    def _count(self, scores: np.ndarray, targets: Targets, images_ask: bool) -> Counts:
        table = scores.T if images_ask else scores
        limits = targets.limits(np.float32)
        matters = reaching(table, targets, limits)
        counts = Counts.zeros(targets)
        few = np.count_nonzero(matters) <= scores.size * FEW
        # Of a text that many images carry, each score would stand beside each match: too many.
        if few and targets.wanted.max(initial=0) <= MANY:
            match, candidate = one_by_one(table, matters, targets, limits, counts.better)
        else:
            counts.better, reached = side_by_side(table, matters, targets, limits)
            undecided = reached - counts.better
            if undecided.sum() > scores.size * FEW:
                scores = self._scores(np.float64)
                table = scores.T if images_ask else scores
                limits = targets.limits(np.float64)
                matters = reaching(table, targets, limits)
                better, reached = side_by_side(table, matters, targets, limits)
                return Counts(better, reached - better)
            match, candidate = between(table, targets, limits, np.flatnonzero(undecided))
        query = targets.query()[match]
        text, image = (candidate, query) if images_ask else (query, candidate)
        score = pair_scores(self.texts, self.images, text, image)
        above, below = targets.limits(np.float64)
        better = score > above[match]
        tied = ~better & (score > below[match])
        counts.better += np.bincount(match[better], minlength=len(counts.better))
        counts.tied += np.bincount(match[tied], minlength=len(counts.tied))
        return counts
