"""Rich's console and table for text from elsewhere, which is neither markup nor several lines."""

import errno
import os
from typing import Any

from rich import console, table
from rich.console import RenderableType

from schema.text.untrusted_text import for_people


class Console(console.Console):
    """A console that prints markup and control characters as they are written.

    It is as large as COLUMNS and LINES say, else as the terminal that it prints to.
    """

    def __init__(self, **named: Any):
        super().__init__(markup=False, emoji=False, highlight=False, **named)
        self._given = tuple(
            named.get(argument) or _whole(os.environ.get(variable, ""))
            for argument, variable in (("width", "COLUMNS"), ("height", "LINES"))
        )

    @property
    def size(self) -> console.ConsoleDimensions:
        """Return columns and lines; Rich would ask the standard streams, which lead to a log."""
        try:
            there = tuple(os.get_terminal_size(self.file.fileno()))
        except (OSError, ValueError):  # a file, or a text in memory
            there = (0, 0)
        sizes = zip(self._given, there, super().size, strict=True)
        return console.ConsoleDimensions(*(given or real or usual for given, real, usual in sizes))

    @size.setter
    def size(self, columns_and_lines: tuple[int, int]) -> None:
        self._given = columns_and_lines

    def print(self, *objects: Any, **named: Any) -> None:
        """Print as Rich does; a string is one line, whatever is in it."""
        super().print(*map(_safe, objects), **named)

    def on_broken_pipe(self) -> None:
        """Raise the error again: Rich would end the process as if a library had failed."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Table(table.Table):
    """A table whose titles and cells are strings from anywhere."""

    def add_column(self, header: RenderableType = "", *args: Any, **named: Any) -> None:
        """Add a column as Rich does."""
        super().add_column(_safe(header), *args, **named)

    def add_row(self, *cells: RenderableType | None, **named: Any) -> None:
        """Add a row as Rich does."""
        super().add_row(*map(_safe, cells), **named)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() else 0


def _safe(given: Any) -> Any:
    return for_people(given) if isinstance(given, str) else given
