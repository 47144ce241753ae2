"""The value of a metric with its interval, and the same against the baseline."""

import dataclasses

Slice = tuple[()] | tuple[str, str]  # all queries, or the name of a slice and a value of it


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and the ends of its confidence interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Background:
    """Describe the queries of a metric, and its level by chance.

    Attributes:
        count: the number of queries; for pairs that of pairs, for embeddings that of
            records or of distinct texts.
        candidates: of each query, in the whole split; None for pairs and embeddings.
        chance: the metric if the candidates are put in an order at random; None where there is
            no such level.
    """

    count: int
    candidates: int | None = None
    chance: float | None = None


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A metric of one slice.

    With a baseline there are its own estimate and that of candidate - baseline on the same queries.
    """

    background: Background
    candidate: Estimate
    baseline: Estimate | None = None
    difference: Estimate | None = None

    @property
    def count(self) -> int:
        """Return the number of queries."""
        return self.background.count


@dataclasses.dataclass(frozen=True)
class ClassCounts:
    """The images that have a class, beside the classes that a model chooses from.

    Attributes:
        classes: how many there are to choose from.
        images: of a known class.
        largest: of the known class that most images have.
        unknown: images by class, of the classes that are not among those to choose from.
    """

    classes: int
    images: int
    largest: int
    unknown: dict[str, int]


Measurements = dict[str, Measurement]  # by the metric's name
Results = dict[Slice, Measurements]
