"""The commands that one command names as the next ones can be copied into the shell."""

import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from diptych.cli.command import command_line
from diptych.cli.main import app
from tests.support.small_run import small_values


@pytest.mark.parametrize(
    ("is_in_path", "called", "written"),
    [
        (True, ".venv/bin/diptych", "diptych run 'my config.yaml'"),
        (False, ".venv/bin/diptych", ".venv/bin/diptych run 'my config.yaml'"),
        (False, "my programs/diptych", "'my programs/diptych' run 'my config.yaml'"),
        (False, "/usr/bin/pytest", "diptych run 'my config.yaml'"),
    ],
)
def test_a_program_outside_the_path_goes_by_its_path(monkeypatch, is_in_path, called, written):
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if is_in_path else None)
    monkeypatch.setattr(sys, "argv", [called, "init"])
    assert command_line("run", "my config.yaml") == written


def test_a_check_names_the_run(monkeypatch, tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(small_values()))
    monkeypatch.setattr("diptych.cli.check.command.check", lambda *_: None)
    given = ["check", str(file), "training.epochs=2"]
    shown = CliRunner().invoke(app, given)
    assert shown.stdout == f"next: diptych run {file} training.epochs=2\n"
    assert CliRunner().invoke(app, [*given, "--json"]).stdout == ""
