"""docs/start.md, executed: the commands stand there as they are run here."""

import re
import shlex
from pathlib import Path

import yaml
from typer.testing import CliRunner

from diptych.cli.main import app
from tests.support.pair_layouts import LAYOUTS, pairs
from tests.support.paths import ROOT
from tests.support.served_page import sections

PAGE = (ROOT / "docs/start.md").read_text()
COMMANDS = re.findall(r"^    diptych (.*?)(?:  +#.*)?$", PAGE, re.MULTILINE)


def test_the_commands_of_the_page_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/bash")
    LAYOUTS["Folder of images"](tmp_path / "pictures", pairs())
    shown = sections(PAGE)["Write the config"].files
    assert {Path(name).parts[:2] for name in shown} == {
        ("pictures", "train"),
        ("pictures", "eval"),
    }
    printed = {}
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] == "run" and "--print-config" not in words:
            words.append("--print-config")  # other tests train
        if words[0] == "--show-completion":
            monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
        ended = CliRunner().invoke(app, words, prog_name="diptych")
        assert ended.exit_code == 0, (command, ended.output)
        printed[command] = ended.stdout
    assert len(printed) == 8
    assert "checked" in (tmp_path / "runs/pictures/logs").glob("*.json").__next__().read_text()
    config = yaml.safe_load(printed["run config.yaml training.epochs=2 --print-config"])
    assert config["training"]["epochs"] == 2
    assert "_DIPTYCH_COMPLETE" in printed["--show-completion"]
