"""Print what several commands print, and keep the record of a run beside its log."""

import datetime
from collections.abc import Iterable
from pathlib import Path

from components.evaluator.metrics import token_metrics
from pipeline.console.rich_console import Console
from pipeline.console.summary import Summary
from pipeline.console.tables import print_report
from pipeline.console.terminal import say
from schema.system import file_errors

MOST_SLICES = 5  # on a terminal; a file and `diptych why` have all


def keep(file: Path, text: str) -> list[str]:
    """Write the record of a run; if that fails, return a warning, and the run ends as it would."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = file_errors.sentence(error) or f"{file}: {error}"
        return [f"the record of this run is lost: {reason}"]
    return []


def print_summary(summary: Summary, console: Console) -> None:
    """Print the verdict, then a line for each gate, then the metrics."""
    console.print()
    print_verdict(summary, console)
    for gate in summary.gates:
        print_gate(gate.passed, gate.sentence, console)
    print_warnings(summary.warnings, summary.notes, console)
    shown = MOST_SLICES if console.is_terminal else None
    print_report(summary.evaluation, console, summary.mixing, shown)
    say(console, token_metrics.sentence(summary.results[()]))


def print_verdict(summary: Summary, console: Console) -> None:
    """Print whether the model serves now."""
    say(console, summary.verdict, "bold green" if summary.shipped else "bold red")


def print_gate(passed: bool, sentence: str, console: Console) -> None:
    """Print a line for a gate, with a mark."""
    style = "" if passed else "red"
    say(console, f"  {'✓' if passed else '✗'} {sentence}", style)


def print_warnings(warnings: Iterable[str], notes: Iterable[str], console: Console) -> None:
    """Print a line for each warning, then one for each note."""
    for mark, style, lines in (("!", "yellow", warnings), ("-", "dim", notes)):
        for line in lines:
            say(console, f"  {mark} {line}", style)


def when(seconds: float) -> str:
    """Format a POSIX time in the local time zone: '2026-03-01 14:05'."""
    return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
