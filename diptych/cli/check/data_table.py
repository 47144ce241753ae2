"""Print what the nodes that examine the data found, as one table."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.cli.printing import print_warnings
from pipeline.console.rich_console import Console, Table
from pipeline.console.summary import NODE
from pipeline.console.terminal import say
from pipeline.local.session import Outputs
from schema import features
from schema.text.messages import number_of

if TYPE_CHECKING:
    from components.example_gen.records.quarantine import Summary
    from components.example_validator.report import Report

Row = tuple[str, list[str]]
RANGES = {  # rows of the table: the feature, and how many of its units make one of the row's
    "words per caption": (features.CAPTION_WORDS, 1),
    "width": (features.IMAGE_WIDTH, 1),
    "height": (features.IMAGE_HEIGHT, 1),
    "kB per image": (features.IMAGE_BYTES, 1000),
}


def print_table(outputs: Outputs, console: Console) -> None:
    """Print a table with a column for each split, then the lines that concern all splits."""
    if NODE not in outputs:
        return
    from components.example_gen.records.splits import precedence

    summary = summary_of(outputs)
    splits = list(precedence(list(summary.examples)))
    table = Table(box=None, header_style="dim")
    table.add_column("")
    for split in splits:
        table.add_column(split, justify="right")
    rows: list[Row] = [("records", [f"{summary.examples[split]:,}" for split in splits])]
    if "StatisticsGen" in outputs:
        [statistics] = outputs["StatisticsGen"]["statistics"]
        rows += _ranges([split_statistics(statistics.uri, split) for split in splits])
    for name, cells in rows:
        table.add_row(name, *cells)
    console.print()
    console.print(table)
    for line in lines(summary, list(_near_duplicates(outputs, summary))):
        say(console, line)
    compared = report_of(outputs)
    if compared is not None:
        print_warnings(compared.warnings, compared.notes, console)
        say(console, "anomalies: none")


def summary_of(outputs: Outputs) -> "Summary":
    """Read the sums of the quarantine that ingest wrote."""
    from components.example_gen.records import quarantine

    [quarantined] = outputs[NODE]["quarantine"]
    return quarantine.read_summary(quarantined.uri)


def report_of(outputs: Outputs) -> "Report | None":
    """Read what the validator compared; None: it was not done."""
    if "ExampleValidator" not in outputs:
        return None
    from components.example_validator import report

    [anomalies] = outputs["ExampleValidator"]["anomalies"]
    return report.read(Path(anomalies.uri))


def _near_duplicates(outputs: Outputs, summary: "Summary") -> Iterator[str]:
    from diptych.cli.check import near_duplicates

    [quarantined] = outputs[NODE]["quarantine"]
    measured = outputs.get("StatisticsGen", {}).get("statistics", ())
    of_split = functools.partial(split_statistics, measured[0].uri) if measured else None
    return near_duplicates.lines(quarantined.uri, summary, of_split)


def lines(summary: "Summary", near_duplicates: Iterable[str]) -> Iterator[str]:
    """Yield a line for each fact that concerns all splits."""
    from components.example_gen.records import quarantine
    from components.example_gen.rows import HARMLESS

    read = number_of(summary.read, "record")
    yield f"read {read}; {summary.merged:,} joined the image of an earlier one"
    if summary.captions:
        yield f"captions per image: {_counted(_by_number(summary.captions), 'with ')}"
    if summary.captions_dropped:
        yield f"captions left out: {_counted(summary.captions_dropped)}"
    if summary.images_changed:
        yield f"images re-encoded: {_counted(summary.images_changed)}"
    yield f"images that another record has too, byte for byte: {summary.identical:,}"
    yield from near_duplicates
    if summary.not_read:
        yield summary.not_read
    yield f"quarantined: {summary.unusable:,}"
    # The sum above is of bad data; near duplicates have their own line.
    for reason, meaning in quarantine.explain(set(summary.quarantined) - HARMLESS):
        yield f"  {summary.quarantined[reason]:>6,} {reason}: {meaning}"


def _by_number(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: int(item[0])))


def _counted(counts: Mapping[str, int], before: str = "") -> str:
    return ", ".join(f"{count:,} {before}{what}" for what, count in counts.items())


def split_statistics(uri: str, split: str) -> Any:
    """Load the DatasetFeatureStatistics of a split."""
    import tensorflow_data_validation as tfdv

    return tfdv.load_stats_binary(f"{uri}/Split-{split}/FeatureStats.pb").datasets[0]


def _ranges(statistics: Iterable[Any]) -> list[Row]:
    by_split = [{f.path.step[0]: f for f in dataset.features} for dataset in statistics]
    rows = [
        (name, [_range(s[feature].num_stats, one) if feature in s else "" for s in by_split])
        for name, (feature, one) in RANGES.items()
    ]
    formats = [
        ", ".join(
            bucket.label for bucket in s[features.IMAGE_FORMAT].string_stats.rank_histogram.buckets
        )
        if features.IMAGE_FORMAT in s
        else ""
        for s in by_split
    ]
    return [*rows, ("formats", formats)]


def _range(numbers: Any, one: int) -> str:
    low, high, middle = (_short(n / one) for n in (numbers.min, numbers.max, numbers.median))
    return low if low == high else f"{low} to {high}, median {middle}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) or number >= 10 else f"{number:.1f}"
