"""`diptych quarantine`: what a run did not use, why, and whether it would be used today."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.cli import HERE, ConfigFile, one_sentence
from pipeline.config import RunConfig

if TYPE_CHECKING:
    from components.example_gen.quarantine import Summary

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
SHOWN = 20

Run = Annotated[str | None, typer.Argument(help="a run, by the name of its log; default: the last")]
Reason = Annotated[str | None, typer.Option(help="only the records with this reason")]


@commands.command("list")
def list_(
    run: Run = None,
    config: ConfigFile = HERE,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help=f"not only the first {SHOWN}")] = False,
    output: Annotated[
        Path | None, typer.Option(help="write all of them here, a line of JSON each")
    ] = None,
) -> None:
    """List the records that a run did not use, each with its reason."""
    with one_sentence():
        from pipeline.config import load

        _known(reason)
        show(_folder(load(config), run), reason, every, output)


@commands.command()
def retry(run: Run = None, config: ConfigFile = HERE, reason: Reason = None) -> None:
    """Read the quarantined records again from where they came, by today's files and config.

    Exit codes: 0 the next run uses all of them, 1 it cannot be told, 3 some are still unusable.
    """
    with one_sentence():
        from pipeline.cli import REFUSED
        from pipeline.config import load
        from pipeline.quarantine_retry import JUDGED_TOGETHER, USABLE
        from pipeline.quarantine_retry import retry as again

        _known(reason)
        loaded = load(config)
        folder = _folder(loaded, run)
        _summary(folder)  # or nothing there would look like nothing to retry
        outcomes = again(loaded, folder, reason)
        _print_outcomes(outcomes)
        raise typer.Exit(REFUSED if set(outcomes) - {USABLE, JUDGED_TOGETHER} else 0)


def _folder(config: RunConfig, run: str | None) -> str:
    """Where a run's quarantine is; the record that each run keeps beside its log says it."""
    from pipeline.run_locally import logs_of
    from schema.errors import InputError

    logs = logs_of(config)
    for path in sorted(logs.glob("*.json"), reverse=True):
        if run is None or path.stem == run:
            folder = json.loads(path.read_text(encoding="utf-8")).get("quarantine")
            if folder is not None:
                return str(folder)
    which = "any run" if run is None else f"run {run}"
    raise InputError(f"{logs}: there is no record of {which} that got through ingest")


def _known(reason: str | None) -> None:
    from components.example_gen.reasons import REASONS
    from schema.errors import InputError

    if reason is not None and reason not in REASONS:
        raise InputError(f"--reason {reason} is none of {', '.join(REASONS)}")


def _summary(folder: str) -> "Summary":
    from components.example_gen import quarantine
    from schema.errors import InputError

    try:
        return quarantine.read_summary(folder)
    except OSError as error:
        raise InputError(f"{folder}: the quarantine is not there any more") from error


def show(folder: str, reason: str | None, every: bool, output: Path | None) -> None:
    """Print the sums, then the records."""
    from components.example_gen import quarantine
    from schema.errors import InputError

    console = Console(highlight=False, soft_wrap=True)
    summary = _summary(folder)
    records = [each for each in quarantine.read_records(folder) if reason in (None, each.reason)]
    if output is not None:
        lines = "".join(quarantine.line(each) + "\n" for each in records)
        try:
            output.write_text(lines, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output}: cannot be written: {error.strerror}") from error
    console.print(summary.sentence if summary.unusable else f"{summary.read:,} records, all usable")
    for name, meaning in quarantine.explain(each.reason for each in records):
        count = sum(each.reason == name for each in records)
        console.print(f"  {count:>6,} {name}: {meaning}", markup=False)
    table = Table(box=None, header_style="dim")
    for column in ("split", "file", "at", "key", "reason", "detail"):
        table.add_column(column, overflow="fold")
    for each in records if every else records[:SHOWN]:
        place = each.place
        row = (each.split, place.source, str(place.offset), each.key or "", each.reason)
        table.add_row(*(terminal_safe(cell) for cell in (*row, each.detail)))
    if records:
        # A key is shown as it is: neither [bold] nor :cat: means anything in it.
        Console(highlight=False, markup=False, emoji=False).print(table)
    if len(records) > SHOWN and not every:
        console.print(f"and {len(records) - SHOWN:,} more: --all", style="dim")


def terminal_safe(text: str) -> str:
    """Text from data, fit for a terminal: what could steer it is shown and not sent."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _print_outcomes(outcomes: Counter[str]) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for outcome, count in outcomes.most_common():
        console.print(f"  {count:>6,} {outcome}")
