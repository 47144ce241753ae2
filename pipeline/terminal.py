"""What all commands print through: text of files and folders is text, and lines break at words."""

import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def make_console(
    file: TextIO | None = None, live: bool | None = None, width: int | None = None
) -> "Console":
    """A console that takes nothing it is given for markup: `[new]` may be a folder.

    Args:
        file: where it prints; default: standard output.
        live: whether that is a terminal; default: ask it.
        width: columns; default: the terminal's.
    """
    from rich.console import Console

    return Console(
        file=file, force_terminal=live, width=width, markup=False, emoji=False, highlight=False
    )


def say(console: "Console", text: str, style: str = "") -> None:
    """Print a sentence, broken at words on a terminal; elsewhere a sentence is a line."""
    width = console.width if console.is_terminal else None
    for line in lines(text, width):
        console.print(line, style=style, soft_wrap=True)


def complain(text: str) -> None:
    """Print what went wrong to standard error, a line for each sentence."""
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    for sentence in text.splitlines():
        goes_on = sentence.startswith(" ")
        for line in lines(sentence if goes_on else f"diptych: {sentence}", width):
            print(line, file=sys.stderr)


def lines(text: str, width: int | None) -> Iterator[str]:
    """A sentence in lines of so many columns, none where there is no limit.

    A longer word, such as a path, stays whole, so that it can be copied.
    """
    if width is None or len(text) <= width:
        yield text
        return
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    yield from textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
