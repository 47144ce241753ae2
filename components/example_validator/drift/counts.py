"""Count the values of a feature so that two data sets can be compared.

The statistics of StatisticsGen mislead when they are compared as they are:

- The standard histogram of a number has ten equally wide buckets between the smallest and the
  largest value. One caption of 2,000 words puts all others into one bucket: a mean that went from
  4 to 13 words then diverges by 0.01 instead of 0.85. And one value more than before moves every
  edge: 100 values and the same with a single larger one diverge by 0.31.
- A text has its 1,000 most frequent values. Which rare words are among them is chance: two halves
  of the same 5,421 emoji diverge by 0.43. By 100 words and all others together they diverge by
  0.003, and captions of which none has a word in common with before by 0.26.

So a number is counted in buckets that are the same everywhere, and a text by its most frequent
values and all others together.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

KEPT = 100  # values of a text that are compared one by one; the others are counted together
OTHERS, MISSING = "(all others)", "(none)"
# Whole numbers one by one up to 6, then buckets a fifth wider each, up to the largest image.
GROWTH = 1.2
LARGEST = 2**31

Feature = Any  # statistics_pb2.FeatureNameStatistics, which mypy does not know


def _edges() -> list[float]:
    edges = [-0.5]
    while edges[-1] < LARGEST:
        edges.append(max(edges[-1] + 1, int(edges[-1] * GROWTH) + 0.5))
    return edges


EDGES = _edges()


def features_of(statistics: Any) -> dict[str, Feature]:
    """Return the statistics of each feature by its name."""
    return {"/".join(each.path.step): each for each in statistics.datasets[0].features}


def records(statistics: Any) -> int:
    """Return the number of records that statistics are of."""
    return int(statistics.datasets[0].num_examples)


def buckets(feature: Feature) -> np.ndarray:
    """Count the values of a number between one of `EDGES` and the next, float64 [buckets].

    Read off its quantiles, which no outlier moves; between two of them, values count as spread
    evenly, so a bucket is off by at most one step between quantiles.
    """
    edges, counts = np.array(EDGES), np.zeros(len(EDGES) - 1)
    for histogram in feature.num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.QUANTILES:
            for each in histogram.buckets:
                if each.low_value == each.high_value:
                    parts = (edges[:-1] < each.low_value) & (each.low_value <= edges[1:])
                else:
                    within = np.clip(edges, each.low_value, each.high_value)
                    parts = np.diff(within) / (each.high_value - each.low_value)
                counts += parts * each.sample_count
    return counts


def counted(feature: Feature | None) -> dict[str, float]:
    """Return how often a text had each of its most frequent values."""
    if feature is None:
        return {}
    ranked = feature.string_stats.rank_histogram.buckets
    return {each.label: each.sample_count for each in ranked}


def folded(
    feature: Feature | None, kept: Iterable[str], count_missing: bool, total: int
) -> dict[str, float]:
    """Count how often a text had each kept value, and how often another one.

    Args:
        feature: its statistics; None: no record has it.
        kept: values to count one by one.
        count_missing: whether a record without it counts as one more value.
        total: number of records.
    """
    known = counted(feature)
    kept_counts = {value: known.get(value, 0.0) for value in kept}
    common = feature.string_stats.common_stats if feature is not None else None
    values = float(common.tot_num_values or sum(known.values())) if common else 0.0
    kept_counts[OTHERS] = max(0.0, values - sum(kept_counts.values()))
    if count_missing:
        kept_counts[MISSING] = float(total - (common.num_non_missing if common else 0))
    return kept_counts


def most_frequent(feature: Feature | None) -> set[str]:
    """Return the values to compare one by one; of equally frequent ones the first by name."""
    known = counted(feature)
    return set(sorted(known, key=lambda value: (-known[value], value))[:KEPT])
