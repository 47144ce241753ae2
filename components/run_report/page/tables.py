"""Turn the measurements of a report into rows, as the page and the model card show them."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from components.evaluator.metrics.measurement import Estimate, Measurement, Measurements
from components.evaluator.metrics.names import DIRECTIONS, STATISTICS, metric_name
from components.evaluator.metrics.registry import METRICS
from components.evaluator.report import Report

RECALL_1, RECALL_10, MRR = (
    metric_name(DIRECTIONS[0], name) for name in ("recall_at_1", "recall_at_10", "mrr")
)
LABELS = {
    "recall_at_1": "recall@1",
    "recall_at_5": "recall@5",
    "recall_at_10": "recall@10",
    "mrr": "mean reciprocal rank",
    "median_rank": "median rank",
    "mean_rank": "mean rank",
    "map": "mean average precision",
}
NOT_MEASURED = "–"  # noqa: RUF001  where there is a metric and no number
SLICE_ROWS = 40  # of one slice in a table; of more, those with the lowest recall


@dataclasses.dataclass(frozen=True)
class Row:
    """A metric and its measurement; `name` is that of the evaluation."""

    name: str
    label: str
    measured: Measurement


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of one direction, data set or subject."""

    title: str
    rows: tuple[Row, ...]

    @property
    def has_baseline(self) -> bool:
        """Whether any row compares with another model."""
        return any(row.measured.baseline is not None for row in self.rows)


@dataclasses.dataclass(frozen=True)
class SliceValue:
    """The measurements of a value of a slice, text to image."""

    value: str
    recall_1: Measurement
    recall_10: Measurement
    mrr: Measurement


@dataclasses.dataclass(frozen=True)
class Slice:
    """The values of a slice, the highest recall@10 first; `hidden` others are not listed."""

    name: str
    values: tuple[SliceValue, ...]
    hidden: int


def tables(report: Report) -> Iterator[Table]:
    """Yield a table of each direction, of classification, of all other metrics."""
    whole = report.results.get((), {})
    shown: set[str] = set()
    for direction in DIRECTIONS:
        names = {metric_name(direction, name): LABELS[name] for name in STATISTICS}
        yield from _table(direction.replace("_", " "), names, whole)
        shown |= names.keys()
    zero_shot = {
        name: name.removeprefix("zero_shot_").replace("_", " ")
        for name, metric in METRICS.items()
        if metric.needs == "zero_shot"
    }
    yield from _table("zero-shot classification", zero_shot, whole)
    rest = {name: name.replace("_", " ") for name in whole if name not in {*shown, *zero_shot}}
    yield from _table("embeddings, pairs and tokens", rest, whole)


def retained(report: Report) -> Iterator[Table]:
    """Yield a table of each retained data set."""
    names = {
        metric_name(direction, name): f"{direction.replace('_', ' ')}, {LABELS[name]}"
        for direction in DIRECTIONS
        for name in STATISTICS
    }
    for data, results in report.retained.items():
        yield from _table(data, names, results.get((), {}))


def _table(title: str, names: Mapping[str, str], measured: Measurements) -> Iterator[Table]:
    rows = tuple(
        Row(name, label, measured[name]) for name, label in names.items() if name in measured
    )
    if rows:
        yield Table(title, rows)


def slices(report: Report) -> list[Slice]:
    """Return the slices in the order of the evaluation."""
    by_name: dict[str, list[SliceValue]] = {}
    for key, measured in report.results.items():
        if key and all(name in measured for name in (RECALL_1, RECALL_10, MRR)):
            name, value = key
            row = SliceValue(value, measured[RECALL_1], measured[RECALL_10], measured[MRR])
            by_name.setdefault(name, []).append(row)
    return [
        Slice(name, tuple(ordered[-SLICE_ROWS:]), max(0, len(ordered) - SLICE_ROWS))
        for name, values in by_name.items()
        for ordered in [sorted(values, key=_place)]
    ]


def _place(one: SliceValue) -> tuple[float, str]:
    """Sort the highest recall first; before it, where the fewest are shown, what has none."""
    recall = one.recall_10.candidate.value
    return (-recall if math.isfinite(recall) else -math.inf, one.value)


def number(value: float | None) -> str:
    """Write a figure: three decimals below 1, three digits of what is larger, two of the rest."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return NOT_MEASURED
    if value == 0 or 0.001 <= abs(value) < 1:
        return f"{value:.3f}"
    if abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def interval(estimate: Estimate | None) -> str:
    """Write the ends of an interval; empty for a value that is counted."""
    if estimate is None or estimate.low == estimate.high:
        return ""
    if not math.isfinite(estimate.low + estimate.high):
        return NOT_MEASURED
    return f"{number(estimate.low)} to {number(estimate.high)}"


def flat(config: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys of a config with their values: `training.epochs`, '32'."""
    if isinstance(config, Mapping) and config:
        for key, value in config.items():
            yield from flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(config, list) and config:
        for place, value in enumerate(config):
            yield from flat(value, f"{prefix}.{place}")
    elif config is not None:
        yield prefix, str(config)
