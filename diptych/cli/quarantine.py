"""`diptych quarantine list`: list the records that a run did not use, each with its reason."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.command import HERE, ConfigFile, one_sentence

if TYPE_CHECKING:
    from components.example_gen.records.examined import Refused
    from components.example_gen.records.quarantine import Summary
    from pipeline.config.run_config import RunConfig
    from pipeline.console.rich_console import Console

SHOWN = 20
LARGEST_RECORD = 64 << 20  # bytes of the record that a run keeps beside its log
WIDE = 1000  # columns, where no terminal sets a limit

Run = Annotated[str | None, typer.Argument(help="a run, by the name of its log; default: the last")]
Reason = Annotated[str | None, typer.Option(help="only the records with this reason")]


def list_command(
    run: Run = None,
    config: ConfigFile = HERE,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help=f"not only the first {SHOWN}")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="write all of them here, one JSON object a line", readable=False),
    ] = None,
) -> None:
    """List the records that a run did not use, each with its reason."""
    with one_sentence():
        from pipeline.config.run_config import load
        from pipeline.console.terminal import make_console, say

        loaded = load(config)
        name, folder = quarantine_folder(loaded, run)
        # Not always the last run, which may have ended before it had a quarantine.
        say(make_console(), f"run {name}")
        show(folder, loaded.data.path, reason, every, output)


def quarantine_folder(config: "RunConfig", run: str | None) -> tuple[str, str]:
    """Return the name of a run and the folder of its quarantine, from the records of the runs.

    Args:
        config: of the runs.
        run: the name of its log; None: the last run that has a quarantine.

    Raises:
        InputError: there is no such run, or it ended before it had a quarantine.
    """
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
    """Return the folder of the quarantine that a run's record names, or None."""
    from schema.errors import InputError
    from schema.text import json_text, text_files

    try:
        folder = json_text.parse(text_files.read_text(path, LARGEST_RECORD)).get("quarantine")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not the record of a run: {error}") from error
    return None if folder is None else str(folder)


def quarantine_summary(folder: str) -> "Summary":
    """Read the sums of a quarantine.

    Raises:
        InputError: the quarantine was removed.
    """
    from components.example_gen.records import quarantine
    from schema.errors import InputError

    try:
        return quarantine.read_summary(folder)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: the quarantine is not there any more") from error


def show(folder: str, base: str, reason: str | None, every: bool, output: Path | None) -> None:
    """Print the sums, then the records, or write the records to a file.

    Args:
        folder: of the quarantine.
        base: folder of the data; files below it are printed relative to it.
        reason: of the records; None for all.
        every: not only the first `SHOWN`.
        output: the file; None prints.
    """
    from components.example_gen.records import quarantine
    from components.example_gen.rows import HARMLESS

    pass
    from pipeline.console.terminal import make_console, say
    from schema.text.messages import share

    console = make_console()
    summary = quarantine_summary(folder)
    records = sorted(
        quarantine.read_records(folder, reason), key=lambda record: record.reason in HARMLESS
    )
    near_duplicates = sum(summary.quarantined.values()) - summary.unusable
    more = (
        f"; near duplicates of train that are left out: {near_duplicates:,}"
        if near_duplicates
        else ""
    )
    say(console, f"{share(summary.unusable, summary.read, 'record')} quarantined{more}")
    for name, meaning in quarantine.explain(record.reason for record in records):
        count = sum(record.reason == name for record in records)
        say(console, f"  {count:>6,} {name}: {meaning}")
    if output is not None:
        lines = "".join(quarantine.line(record) + "\n" for record in records)
        output.write_text(lines, encoding="utf-8")
        say(console, f"{len(records):,} written to {output}")
    elif records:
        _print_table(records if every else records[:SHOWN], base)
        if len(records) > SHOWN and not every:
            say(console, f"and {len(records) - SHOWN:,} more: --all", "dim")


def _print_table(records: "Sequence[Refused]", base: str) -> None:
    from components.example_gen.storage import urls
    from pipeline.console.terminal import make_console

    start = urls.shown(urls.plain(base)).rstrip("/") + "/"
    # In a pipe, one line a record.
    print_rows(records, start, make_console(width=None if sys.stdout.isatty() else WIDE))


def print_rows(records: "Sequence[Refused]", start: str, console: "Console") -> None:
    """Print a row for each record, or a sentence where the terminal is too narrow for the rows."""
    from pipeline.console.rich_console import Table
    from pipeline.console.terminal import say

    table = Table(box=None, header_style="dim")
    for column in ("split", "file", "at", "key", "reason", "detail"):
        table.add_column(column, overflow="fold")
    sentences = []
    for record in records:
        source, offset = record.place.source.removeprefix(start), str(record.place.offset)
        row = (record.split, source, offset, record.key or "", record.reason, record.detail)
        table.add_row(*row)
        split, file, at, key, reason, detail = row
        named = f"{file}: {at}" + (f" (key {key})" if key else "")
        sentences.append(f" {split} {named}: {reason}" + (f": {detail}" if detail else ""))
    if any(record.place.source.startswith(start) for record in records):
        console.print(f"files below {start}", style="dim", soft_wrap=True)
    unlimited = console.options.update(max_width=sys.maxsize)
    if console.measure(table, options=unlimited).maximum <= console.width:
        console.print(table)
        return
    for sentence in sentences:
        say(console, sentence)
