"""Tables of an evaluation, as `run`, `why` and `evaluate` print them.

Every table has the numbers of queries and candidates, and the values by chance.
"""

from collections.abc import Callable, Sequence

from components.evaluator.metrics.measurement import Measurements
from components.evaluator.metrics.names import DIRECTIONS, metric_name
from components.evaluator.metrics.registry import METRICS
from components.evaluator.report import Report
from pipeline.console.rich_console import Console, Table
from schema.text.messages import number_of
from trainer.training.fine_tuning.mixing_curve import Mixing

SHOWN = {  # statistics of the first table and what stands above them
    "recall_at_1": "recall@1",
    "recall_at_5": "@5",
    "recall_at_10": "@10",
    "mrr": "mrr",
    "median_rank": "median",
}
BY_CHANCE = "  by chance"


def print_report(
    report: Report, console: Console, mixing: Mixing | None = None, most_slices: int | None = None
) -> None:
    """Print the tables of all queries, classes, slices, retained data, and the mixes of weights.

    Args:
        report: the measurements.
        console: where they are printed.
        mixing: the curve of a fine-tuning.
        most_slices: of the table, those with the lowest recall; None: all of them by their names.
    """
    whole = report.results.get((), {})
    by_slice = slices(report, most_slices)
    tables = (directions(whole), classes(report), by_slice, retained(report), mixes(mixing))
    for table in tables:
        if table is not None:
            print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Print a table, below a blank line on a terminal."""
    if console.is_terminal:
        console.print()
    console.print(table)


def directions(measurements: Measurements) -> Table | None:
    """Make a table with two rows a direction: the metrics, and their values by chance."""
    drawn = _table("all queries", "queries", "candidates", *SHOWN.values())
    for direction in DIRECTIONS:
        measured = [measurements.get(metric_name(direction, statistic)) for statistic in SHOWN]
        known = [figure for figure in measured if figure is not None]
        if len(known) == len(SHOWN):
            figures = zip(SHOWN, known, strict=True)
            drawn.add_row(
                direction.replace("_", " "),
                *_counts(measurements, metric_name(direction, "mrr")),
                *(_figure(name, figure.candidate.value) for name, figure in figures),
            )
            figures = zip(SHOWN, known, strict=True)
            chances = (_chance(name, figure.background.chance) for name, figure in figures)
            drawn.add_row(BY_CHANCE, "", "", *chances, style="dim")
    return drawn if drawn.rows else None


def classes(report: Report) -> Table | None:
    """Make a table of zero-shot classification, beside chance and the largest class."""
    whole = report.results.get((), {})
    measured = {
        name: whole[name]
        for name, metric in METRICS.items()
        if metric.needs == "zero_shot" and name in whole
    }
    if not measured or report.classes is None:
        return None
    titles = (name.removeprefix("zero_shot_").replace("_", " ") for name in measured)
    drawn = _table("zero-shot", "images", "classes", *titles)
    values = (f"{figure.candidate.value:.3f}" for figure in measured.values())
    drawn.add_row("images to classes", *_counts(whole, next(iter(measured))), *values)
    chances = (f"{figure.background.chance:.2g}" for figure in measured.values())
    drawn.add_row(BY_CHANCE, "", "", *chances, style="dim")
    largest = report.classes.largest / report.classes.images
    drawn.add_row("  largest class", "", "", f"{largest:.2g}", style="dim")
    return drawn


def slices(report: Report, most: int | None = None) -> Table | None:
    """Make a table of the slices, text to image, with recall@10 by chance.

    Args:
        report: the measurements.
        most: rows, those with the lowest recall; None: all of them by their names.
    """
    recall, mrr = (metric_name(DIRECTIONS[0], name) for name in ("recall_at_10", "mrr"))
    measured = sorted((k, m) for k, m in report.results.items() if k and recall in m)
    title = "slices, text to image"
    if most is not None and len(measured) > most:
        title = f"lowest {most} of {number_of(len(measured), 'slice')}"
        measured = sorted(measured, key=lambda entry: entry[1][recall].candidate.value)[:most]
    drawn = _table(title, "queries", "candidates", "recall@10", "chance", "mrr")
    for key, measurements in measured:
        found = measurements[recall]
        drawn.add_row(
            " = ".join(key),
            *_counts(measurements, recall),
            f"{found.candidate.value:.3f}",
            f"{found.background.chance:.2g}",
            f"{measurements[mrr].candidate.value:.3f}",
        )
    return drawn if drawn.rows else None


def retained(report: Report) -> Table | None:
    """Make a table of the retained data sets: recall@1 and @10 of text to image, now and before."""
    titles = ("recall@1", "before", "@10", "before")
    drawn = _table("retained data, text to image", "queries", "candidates", *titles)
    names = [metric_name(DIRECTIONS[0], f"recall_at_{k}") for k in (1, 10)]
    for data, results in report.retained.items():
        measured = results.get((), {})
        if all(name in measured for name in names):
            cells: list[str] = []
            for name in names:
                before = measured[name].baseline
                cells.append(f"{measured[name].candidate.value:.3f}")
                cells.append("" if before is None else f"{before.value:.3f}")
            drawn.add_row(data, *_counts(measured, names[0]), *cells)
    return drawn if drawn.rows else None


def mixes(mixing: Mixing | None) -> Table | None:
    """Make a table of the mixes of weights before and after a fine-tuning, by their ratio."""
    if mixing is None:
        return None
    names = list(mixing.points[0].retained)
    drawn = _table("mixed weights, recall@1", "held out", *names, "")
    for point in mixing.points:
        ratio = {0.0: "0 (before)", 1.0: "1 (after)"}.get(point.ratio, f"{point.ratio:g}")
        recalls = (f"{point.retained[name]:.3f}" for name in names)
        chosen = "chosen" if point.ratio == mixing.chosen else ""
        drawn.add_row(ratio, f"{point.held_out:.3f}", *recalls, chosen)
    return drawn


def every_metric(measurements: Measurements) -> Table:
    """Make a table of all metrics over all queries, with their intervals."""
    drawn = _table("all queries", "queries", "candidates", "value", "low", "high", "chance")
    for name, measured in measurements.items():
        estimate, chance = measured.candidate, measured.background.chance
        figures = (estimate.value, estimate.low, estimate.high)
        drawn.add_row(
            name,
            *_counts(measurements, name),
            *(_number(figure) for figure in figures),
            "" if chance is None else _number(chance, 2),
        )
    return drawn


def _table(first: str, *others: str) -> Table:
    drawn = Table(box=None, header_style="dim", pad_edge=False)
    drawn.add_column(first, no_wrap=True)
    for name in others:
        drawn.add_column(name, justify="right", no_wrap=True)
    return drawn


def _counts(measurements: Measurements, name: str) -> Sequence[str]:
    known = measurements[name].background
    return f"{known.count:,}", "" if known.candidates is None else f"{known.candidates:,}"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"


def _figure(statistic: str, value: float) -> str:
    return f"{value:.1f}" if statistic == "median_rank" else f"{value:.3f}"


def _chance(statistic: str, value: float | None) -> str:
    spell: Callable[[float], str] = "{:,.0f}".format if statistic == "median_rank" else _short
    return "" if value is None else spell(value)


def _short(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.3f}"
