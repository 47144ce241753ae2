"""How large the console takes a terminal to be."""

import fcntl
import io
import os
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from pipeline.console.rich_console import Console


def resize(file: TextIO, columns: int, lines: int) -> None:
    fcntl.ioctl(file.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@pytest.fixture
def terminal(monkeypatch) -> Iterator[TextIO]:
    """A terminal of 120 x 40 that is none of the standard streams."""
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = os.openpty()
    with open(ours, "wb"), open(theirs, "w", encoding="utf-8") as file:
        resize(file, 120, 40)
        yield file


def test_the_size_is_that_of_the_terminal_that_is_printed_to(terminal):
    console = Console(file=terminal)
    assert tuple(console.size) == (120, 40)
    resize(terminal, 80, 24)
    assert (console.width, console.height) == (80, 24)
    assert tuple(console.options.size) == (80, 24)


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_columns_and_lines_are_respected(terminal, monkeypatch, kind):
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "60")
    assert tuple(Console(file=terminal).size) == (60, 40)
    monkeypatch.setenv("LINES", "20")
    assert tuple(Console(file=terminal).size) == (60, 20)
    assert tuple(Console(file=terminal, width=70, height=10).size) == (70, 10)
    monkeypatch.setenv("COLUMNS", "wide")
    assert Console(file=terminal).width == 120


def test_a_terminal_that_does_not_know_its_size_has_80_columns(terminal):
    resize(terminal, 0, 0)
    console = Console(file=terminal)
    assert console.width == 80
    console.size = (100, 30)
    assert tuple(console.size) == (100, 30)


def test_a_file_has_the_usual_width(terminal):
    assert Console(file=io.StringIO(), width=50).width == 50


def test_no_colour_and_dumb_terminals_get_none(terminal, monkeypatch):
    assert Console(file=terminal).color_system == "256"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(file=terminal).no_color
    monkeypatch.setenv("TERM", "dumb")
    assert Console(file=terminal).color_system is None
