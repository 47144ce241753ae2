"""What is known of a metric: a value, its interval, and the same against the baseline."""

import dataclasses

Slice = tuple[()] | tuple[str, str]  # all queries, or the name of a slice and a value of it


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and the ends of its confidence interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A metric of one slice.

    `count` is the number of queries; for pairs and embeddings that of pairs and of records. With a
    baseline there are its own estimate and that of candidate - baseline on the same queries.
    """

    count: int
    candidate: Estimate
    baseline: Estimate | None = None
    difference: Estimate | None = None


Measurements = dict[str, Measurement]  # by the metric's name
Results = dict[Slice, Measurements]
