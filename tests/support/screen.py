"""A terminal in memory, on which tests read what a person would see."""

import io
from typing import Any

import pyte

from pipeline.console.rich_console import Console


class Screen(io.TextIOBase):
    """A stream whose text is shown on a terminal.

    Args:
        columns: its width.
        lines: its height.
    """

    encoding = "utf-8"

    def __init__(self, columns: int, lines: int):
        self.columns, self.height = columns, lines
        self._screen = pyte.HistoryScreen(columns, lines, history=500, ratio=1)
        self._screen.set_mode(pyte.modes.LNM)  # as a terminal's driver does: \n returns, too
        self._stream = pyte.Stream(self._screen)
        self.written = ""

    def write(self, text: str) -> int:
        self.written += text
        self._stream.feed(text)
        return len(text)

    def isatty(self) -> bool:
        return True

    def console(self, **named: Any) -> Console:
        """A console that draws here."""
        return Console(
            file=self,
            force_terminal=True,
            width=self.columns,
            height=self.height,
            _environ={"TERM": "xterm-256color"},
            **named,
        )

    @property
    def shown(self) -> list[str]:
        """The lines that are seen, without blank ones at the end."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def scrolled(self) -> list[str]:
        """The lines that have left the screen at its top."""
        return [
            "".join(line[column].data for column in range(self.columns)).rstrip()
            for line in self._screen.history.top
        ]

    @property
    def cursor_hidden(self) -> bool:
        """Whether the cursor cannot be seen."""
        return bool(self._screen.cursor.hidden)
