"""A progress bar for a command that does one long thing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from pipeline.console.terminal import make_console


@contextmanager
def progress_bar(name: str, terminal: TextIO) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar until the block ends; yields None where the output is not a terminal.

    Args:
        name: of what is done, in one word.
        terminal: what the bar is drawn on.

    Yields:
        Takes how many are done, and of how many.
    """
    if not terminal.isatty():
        yield None
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=make_console(terminal), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
