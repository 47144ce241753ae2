"""Statistics in a form in which TFDV's drift comparators compare like with like.

Taken as StatisticsGen writes them, the comparators mislead:

- The Jensen-Shannon divergence of a number is that of two histograms of ten equally wide buckets
  between the smallest and the largest value. One caption of 2,000 words puts all others into one
  bucket: a mean that went from 4 to 13 words then measures 0.01 instead of 0.85. And one value
  more than before moves every edge: 100 values and the same with a single larger one measure 0.31.
- That of a text is over its 1,000 most frequent values. Which rare words are among them is chance:
  two halves of the same 5,421 emoji measure 0.43. By 100 words and all others they measure 0.003,
  and captions of which none has a word in common with before 0.26.

Hence a number is counted in buckets that are the same everywhere, and a text by its most frequent
values and all others together.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

KEPT = 100  # values of a text that are compared one by one; the others are counted together
OTHERS, MISSING = "(all others)", "(none)"
# Whole numbers one by one up to 6, then buckets a fifth wider each, up to the largest image.
GROWTH = 1.2
LARGEST = 2**31

Feature = Any  # statistics_pb2.FeatureNameStatistics, which mypy does not know
Shares = dict[str, float]


def _edges() -> list[float]:
    found = [-0.5]
    while found[-1] < LARGEST:
        found.append(max(found[-1] + 1, int(found[-1] * GROWTH) + 0.5))
    return found


EDGES = _edges()


def features_of(statistics: Any) -> dict[str, Feature]:
    """The statistics of each feature, by its name."""
    return {"/".join(each.path.step): each for each in statistics.datasets[0].features}


def records(statistics: Any) -> int:
    """The number of records they are of."""
    return int(statistics.datasets[0].num_examples)


def buckets(feature: Feature) -> list[float]:
    """How many values of a number fall between one of `EDGES` and the next.

    Read off its quantiles, which no outlier moves; between two of them, values count as spread
    evenly, so a bucket is off by at most one step between quantiles.
    """
    counts = [0.0] * (len(EDGES) - 1)
    for histogram in feature.num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.QUANTILES:
            for each in histogram.buckets:
                _spread(counts, each.low_value, each.high_value, each.sample_count)
    return counts


def _spread(counts: list[float], low: float, high: float, count: float) -> None:
    for n in range(len(counts)):
        if low == high:
            part = float(EDGES[n] < low <= EDGES[n + 1])
        else:
            part = max(0.0, min(high, EDGES[n + 1]) - max(low, EDGES[n])) / (high - low)
        counts[n] += part * count


def counted(feature: Feature | None) -> dict[str, float]:
    """How often a text had each of its most frequent values."""
    if feature is None:
        return {}
    ranked = feature.string_stats.rank_histogram.buckets
    return {each.label: each.sample_count for each in ranked}


def folded(
    feature: Feature | None, kept: Iterable[str], count_missing: bool, total: int
) -> dict[str, float]:
    """How often a text had each kept value, and how often another one.

    Args:
        feature: its statistics; None: no record has it.
        kept: values to count one by one.
        count_missing: whether a record without it counts as one more value.
        total: number of records.
    """
    known = counted(feature)
    found = {value: known.get(value, 0.0) for value in kept}
    common = feature.string_stats.common_stats if feature is not None else None
    values = float(common.tot_num_values or sum(known.values())) if common else 0.0
    found[OTHERS] = max(0.0, values - sum(found.values()))
    if count_missing:
        found[MISSING] = float(total - (common.num_non_missing if common else 0))
    return found


def most_frequent(feature: Feature | None) -> set[str]:
    """The values that are compared one by one; of equally frequent ones the first by name."""
    known = counted(feature)
    return set(sorted(known, key=lambda value: (-known[value], value))[:KEPT])


def shares(counts: Mapping[str, float]) -> Shares:
    """Counts to fractions of their sum."""
    total = sum(counts.values()) or 1.0
    return {value: count / total for value, count in counts.items()}


def number(name: str, counts: list[float]) -> Feature:
    """Statistics of a number with these counts in the buckets between `EDGES`."""
    found = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.INT)
    found.path.step.append(name)
    histogram = found.num_stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    for low, high, count in zip(EDGES, EDGES[1:], counts, strict=False):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
    _fill(found.num_stats.common_stats, sum(counts))
    return found


def text(name: str, counts: Mapping[str, float]) -> Feature:
    """Statistics of a text with these values, each as often."""
    found = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.STRING)
    found.path.step.append(name)
    present = {value: count for value, count in counts.items() if count}  # TFDV trips over zeros
    for rank, (value, count) in enumerate(sorted(present.items())):
        found.string_stats.rank_histogram.buckets.add(
            low_rank=rank, high_rank=rank, label=value, sample_count=count
        )
    found.string_stats.unique = len(present)
    _fill(found.string_stats.common_stats, sum(counts.values()))
    return found


def _fill(common: Any, count: float) -> None:
    common.num_non_missing = common.tot_num_values = max(1, round(count))
    common.min_num_values = common.max_num_values = 1


def dataset(features: Iterable[Feature], count: int) -> Any:
    """Statistics of these features alone."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    found.datasets.add(num_examples=count).features.extend(features)
    return found
