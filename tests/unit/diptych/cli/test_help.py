"""The help texts: each command has a summary that the list of commands shows whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from diptych.cli.main import app


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield names, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, *names, name)


ALL = dict(commands(get_command(app)))


def test_these_are_the_commands():
    assert {" ".join(names) for names in ALL if len(names) == 1} == {
        "run", "check", "clean", "evaluate", "releases", "promote", "rollback", "why", "kubeflow",
        "quarantine", "keys", "init", "doctor", "search", "report",
    }  # fmt: skip
    assert ("kubeflow", "dry-run") in ALL


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_a_help_text_fits_80_columns_and_no_summary_is_cut_off(names):
    shown = CliRunner().invoke(
        app, [*names, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    )
    assert shown.exit_code == 0
    usage, *lines = shown.output.splitlines()
    assert usage.startswith("Usage: ")
    assert [line for line in lines if len(line) > 80 or line.endswith("...")] == []


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_a_help_text_is_sentences_and_every_option_is_explained(names):
    command = ALL[names]
    assert command.help.splitlines()[0].endswith(".")
    assert [p.name for p in command.params if p.name != "help" and not p.help] == []
