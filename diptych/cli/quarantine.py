"""`diptych quarantine`: what a run did not use, why, and whether it would be used today."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.commands import HERE, ConfigFile, one_sentence
from pipeline.config.run_config import RunConfig
from pipeline.console.rich_console import Table
from pipeline.console.terminal import make_console, say
from schema.text.messages import share

if TYPE_CHECKING:
    from components.example_gen.records.examined import Refused
    from components.example_gen.records.quarantine import Summary
    from pipeline.console.rich_console import Console

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
SHOWN = 20
LARGEST_RECORD = 64 << 20  # bytes of what a run keeps beside its log
WIDE = 1000  # columns, where no terminal sets a limit

Run = Annotated[str | None, typer.Argument(help="a run, by the name of its log; default: the last")]
Reason = Annotated[str | None, typer.Option(help="only the records with this reason")]


@commands.command("list")
def list_(
    run: Run = None,
    config: ConfigFile = HERE,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help=f"not only the first {SHOWN}")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="write all of them here, a line of JSON each", readable=False),
    ] = None,
) -> None:
    """List the records that a run did not use, each with its reason."""
    with one_sentence():
        from pipeline.config.run_config import load

        loaded = load(config)
        name, folder = _folder(loaded, run)
        # Not always the last one, which may have ended before there was a quarantine.
        say(make_console(), f"run {name}")
        show(folder, loaded.data.path, reason, every, output)


@commands.command()
def retry(run: Run = None, config: ConfigFile = HERE, reason: Reason = None) -> None:
    """Read the quarantined records again, by today's files and config.

    Exit codes: 0 the next run uses all of them, 1 it cannot be told, 3 some are still unusable.
    """
    with one_sentence():
        from diptych.cli.commands import REFUSED
        from diptych.cli.quarantine_retry import JUDGED_TOGETHER, USABLE
        from diptych.cli.quarantine_retry import retry as again
        from pipeline.config.run_config import load
        from pipeline.local.run_logs import logs_of
        from pipeline.process.redirect_output import output_to

        loaded = load(config)
        _, folder = _folder(loaded, run)
        _summary(folder)  # or nothing there would look like nothing to retry
        # A reader may import TensorFlow, which has much to say.
        with output_to(logs_of(loaded) / "quarantine-retry.log"):
            outcomes = again(loaded, folder, reason)
        _print_outcomes(outcomes)
        raise typer.Exit(REFUSED if set(outcomes) - {USABLE, JUDGED_TOGETHER} else 0)


def _folder(config: RunConfig, run: str | None) -> tuple[str, str]:
    """A run and where its quarantine is; the record that each run keeps beside its log says it."""
    from pipeline.local.run_logs import logs_of, records_of
    from schema.errors import InputError

    for path in records_of(config):
        if run is None or path.stem == run:
            folder = _quarantine_of(path)
            if folder is not None:
                return path.stem, folder
    which = "any run" if run is None else f"run {run}"
    raise InputError(f"{logs_of(config)}: there is no record of {which} that got through ingest")


def _quarantine_of(path: Path) -> str | None:
    """Where a run's record says that its quarantine is; None if it does not."""
    from schema.errors import InputError
    from schema.text import json_text, text_files

    try:
        folder = json_text.parse(text_files.read_text(path, LARGEST_RECORD)).get("quarantine")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not the record of a run: {error}") from error
    return None if folder is None else str(folder)


def _summary(folder: str) -> "Summary":
    from components.example_gen.records import quarantine
    from schema.errors import InputError

    try:
        return quarantine.read_summary(folder)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: the quarantine is not there any more") from error


def show(folder: str, base: str, reason: str | None, every: bool, output: Path | None) -> None:
    """Print the sums, then the records, or write these to a file.

    Args:
        folder: of the quarantine.
        base: of the data; files below it are named from there on.
        reason: of the records, None for all.
        every: not only the first `SHOWN`.
        output: the file; none: print.
    """
    from components.example_gen.records import quarantine
    from components.example_gen.rows import HARMLESS

    console = make_console()
    summary = _summary(folder)
    records = sorted(
        quarantine.read_records(folder, reason), key=lambda each: each.reason in HARMLESS
    )
    twins = sum(summary.quarantined.values()) - summary.unusable
    more = f"; near duplicates of train that are left out: {twins:,}" if twins else ""
    say(console, f"{share(summary.unusable, summary.read, 'record')} quarantined{more}")
    for name, meaning in quarantine.explain(each.reason for each in records):
        count = sum(each.reason == name for each in records)
        say(console, f"  {count:>6,} {name}: {meaning}")
    if output is not None:
        lines = "".join(quarantine.line(each) + "\n" for each in records)
        output.write_text(lines, encoding="utf-8")
        say(console, f"{len(records):,} written to {output}")
    elif records:
        _print_table(records if every else records[:SHOWN], base)
        if len(records) > SHOWN and not every:
            say(console, f"and {len(records) - SHOWN:,} more: --all", "dim")


def _print_table(records: "Sequence[Refused]", base: str) -> None:
    from components.example_gen.storage import urls

    start = urls.shown(urls.plain(base)).rstrip("/") + "/"
    # Whoever reads from a pipe wants a record a line.
    print_rows(records, start, make_console(width=None if sys.stdout.isatty() else WIDE))


def print_rows(records: "Sequence[Refused]", start: str, console: "Console") -> None:
    """Print a row for each record, or a sentence where the terminal is too narrow for the rows."""
    table = Table(box=None, header_style="dim")
    for column in ("split", "file", "at", "key", "reason", "detail"):
        table.add_column(column, overflow="fold")
    sentences = []
    for each in records:
        source = each.place.source.removeprefix(start)
        row = (each.split, source, str(each.place.offset), each.key or "", each.reason, each.detail)
        table.add_row(*row)
        split, file, at, key, reason, detail = row
        named = f"{file}: {at}" + (f" (key {key})" if key else "")
        sentences.append(f" {split} {named}: {reason}" + (f": {detail}" if detail else ""))
    if any(each.place.source.startswith(start) for each in records):
        console.print(f"files below {start}", style="dim", soft_wrap=True)
    unlimited = console.options.update(max_width=sys.maxsize)
    if console.measure(table, options=unlimited).maximum <= console.width:
        console.print(table)
        return
    for sentence in sentences:
        say(console, sentence)


def _print_outcomes(outcomes: Counter[str]) -> None:
    console = make_console()
    if not outcomes:
        say(console, "nothing is quarantined")
    for outcome, count in outcomes.most_common():
        say(console, f"  {count:>6,} {outcome}")
