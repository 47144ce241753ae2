"""What `diptych check` does: ingest, statistics and validation without training, as one table."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.cli.check_gates import impossible_gates
from diptych.cli.check_text import print_tokens
from diptych.cli.run import keep, print_warnings
from pipeline.config.run_config import RunConfig
from pipeline.console.rich_console import Console, Table
from pipeline.console.summary import NODE, record
from pipeline.console.terminal import say
from pipeline.local import disks
from pipeline.local.run_logs import logs_of
from pipeline.local.session import Outputs, RunFailedError, open_session
from pipeline.process.workspace_lock import locked
from schema import features
from schema.errors import InputError
from schema.text.messages import number_of
from trainer.training.schedule import steps_of

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from components.example_gen.records.quarantine import Summary

Row = tuple[str, list[str]]
RANGES = {  # rows of the table, the feature each one sums up, and how many of it are one
    "words per caption": (features.CAPTION_WORDS, 1),
    "width": (features.IMAGE_WIDTH, 1),
    "height": (features.IMAGE_HEIGHT, 1),
    "kB per image": (features.IMAGE_BYTES, 1000),
}


def check(config: RunConfig, wait: bool = False) -> None:
    """Run all that looks at the data, and print what was found; nothing is trained.

    What is done here is not done again by the next run, if nothing changes in between.

    Args:
        config: of the run.
        wait: until another command in the workspace has ended.

    Raises:
        InputError: another command works in the workspace.
        RunFailedError: the data cannot be used, or too few records are there to train on as the
            config says; what is known of them was printed before.
    """
    workspace = Path(config.workspace)

    def build() -> "Pipeline":
        from pipeline.create_pipeline import data_pipeline

        return data_pipeline(config, str(workspace / "artifacts"))

    title = f"{config.name}: check of the data"
    with (
        disks.of_run(config),
        locked(workspace, "check", wait),
        open_session(title, logs_of(config)) as here,
    ):
        kept = here.log.with_suffix(".json")
        print_warnings(config.warnings(), [], here.console)
        try:
            outcomes, outputs = here.run(workspace, build)
        except RunFailedError as error:
            print_table(error.outputs, here.console)
            keep(kept, record(None, f"check failed: {error}", {}, error.outputs), here.console)
            raise
        print_table(outputs, here.console)
        print_tokens(config, outputs, here.console)
        try:
            _refuse_what_fails_later(config, outputs)
        except InputError as error:
            keep(kept, record(None, f"check failed: {error}", outcomes, outputs), here.console)
            raise RunFailedError(str(error), outputs) from error
        keep(kept, record(None, "checked: the data can be used", outcomes, outputs), here.console)


def _refuse_what_fails_later(config: RunConfig, outputs: Outputs) -> None:
    """Raise an InputError for data that is good and yet no match for the config."""
    steps_of(config.training, _summary(outputs).examples["train"])
    if "StatisticsGen" in outputs:
        [statistics] = outputs["StatisticsGen"]["statistics"]
        evaluated = _statistics(statistics.uri, config.evaluation.split)
        for problem in impossible_gates(config.evaluation, evaluated):
            raise InputError(problem)


def print_table(outputs: Outputs, console: Console) -> None:
    """One table: a column for each split, then what concerns all of them."""
    if NODE not in outputs:
        return
    from components.example_gen.records.splits import precedence

    summary = _summary(outputs)
    splits = list(precedence(list(summary.examples)))
    table = Table(box=None, header_style="dim")
    table.add_column("")
    for split in splits:
        table.add_column(split, justify="right")
    rows: list[Row] = [("records", [f"{summary.examples[split]:,}" for split in splits])]
    if "StatisticsGen" in outputs:
        [statistics] = outputs["StatisticsGen"]["statistics"]
        rows += _ranges([_statistics(statistics.uri, split) for split in splits])
    for name, cells in rows:
        table.add_row(name, *cells)
    console.print()
    console.print(table)
    for line in lines(summary, list(_near_duplicates(outputs, summary))):
        say(console, line)
    if "ExampleValidator" in outputs:
        from components.example_validator import report

        [anomalies] = outputs["ExampleValidator"]["anomalies"]
        compared = report.read(Path(anomalies.uri))
        print_warnings(compared.warnings, compared.notes, console)
        say(console, "anomalies: none")


def _summary(outputs: Outputs) -> "Summary":
    from components.example_gen.records import quarantine

    [kept] = outputs[NODE]["quarantine"]
    return quarantine.read_summary(kept.uri)


def _near_duplicates(outputs: Outputs, summary: "Summary") -> Iterator[str]:
    from diptych.cli import check_near_duplicates

    [kept] = outputs[NODE]["quarantine"]
    measured = outputs.get("StatisticsGen", {}).get("statistics", ())
    of_split = functools.partial(_statistics, measured[0].uri) if measured else None
    return check_near_duplicates.lines(kept.uri, summary, of_split)


def lines(summary: "Summary", near_duplicates: Iterable[str]) -> Iterator[str]:
    """What concerns all splits, a sentence each."""
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
    return dict(sorted(counts.items(), key=lambda each: int(each[0])))


def _counted(counts: Mapping[str, int], before: str = "") -> str:
    return ", ".join(f"{count:,} {before}{what}" for what, count in counts.items())


def _statistics(uri: str, split: str) -> Any:
    import tensorflow_data_validation as tfdv

    return tfdv.load_stats_binary(f"{uri}/Split-{split}/FeatureStats.pb").datasets[0]


def _ranges(statistics: Iterable[Any]) -> list[Row]:
    by_split = [{f.path.step[0]: f for f in found.features} for found in statistics]
    rows = [
        (name, [_range(found[each].num_stats, one) if each in found else "" for found in by_split])
        for name, (each, one) in RANGES.items()
    ]
    formats = [
        ", ".join(
            bucket.label
            for bucket in found[features.IMAGE_FORMAT].string_stats.rank_histogram.buckets
        )
        if features.IMAGE_FORMAT in found
        else ""
        for found in by_split
    ]
    return [*rows, ("formats", formats)]


def _range(numbers: Any, one: int) -> str:
    low, high, middle = (_short(n / one) for n in (numbers.min, numbers.max, numbers.median))
    return low if low == high else f"{low} to {high}, median {middle}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) or number >= 10 else f"{number:.1f}"
