"""The command as a person starts it: its speed, its exit codes, its last words."""

import resource
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from components.evaluator.report import Report
from components.pusher.outcome import Outcome
from components.release.gates import RefusedError
from diptych.cli import champion
from diptych.cli.main import app
from diptych.cli.run import command as run_locally
from diptych.cli.run.outcome import how_to_see_the_curves
from pipeline.console.summary import Summary
from schema.errors import RunFailedError
from tests.support.paths import EMOJI

DIPTYCH = Path(sys.executable).with_name("diptych")


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DIPTYCH, *arguments], capture_output=True, text=True)


def test_help_answers_at_once():
    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    took = []
    for _ in range(3):
        before = used()
        shown = start("--help")
        took.append(used() - before)
        assert shown.returncode == 0
        assert "run" in shown.stdout
    # Of the processor, and twice what a person may wait: other tests keep its caches busy.
    assert min(took) < 1.0


def test_help_imports_nothing_heavy():
    told = subprocess.run(
        [sys.executable, "-X", "importtime", str(DIPTYCH), "--help"], capture_output=True, text=True
    )
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in told.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & {"tensorflow", "tfx", "apache_beam", "mlflow", "pandas", "numpy"}


def test_a_bad_config_is_one_sentence_and_exit_code_2(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(EMOJI.read_text().replace("epochs:", "epocs:"))
    shown = start("run", str(file))
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr == (
        f"diptych: {file}: training.epocs is not a key of the config; the nearest is "
        "training.epochs\n"
    )


def test_a_workspace_that_cannot_be_written_is_one_sentence_and_exit_code_1(tmp_path):
    (tmp_path / "runs").write_text("a file where a folder should be")
    file = tmp_path / "config.yaml"
    file.write_text(EMOJI.read_text().replace("../../runs/emoji", "runs"))
    shown = start("run", str(file))
    assert shown.returncode == 1
    runs = f"{tmp_path}/runs"
    assert shown.stderr == (
        f"diptych: {runs}: cannot be used: {runs} is a file where a folder is expected\n"
    )


def test_no_command_lets_typer_look_at_files():
    """It would answer with the usage of the command; a file is looked at when it is read."""
    looking, seen = [], 0
    waiting: list[Any] = [get_command(app)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        for each in command.params:
            told = each.type_descriptor
            if told.annotation is Path and told.parameter_info.readable:
                looking.append((command.name, each.name))
            seen += told.annotation is Path
    assert seen > 10
    assert looking == []


def ended(champion: bool) -> Summary:
    outcome = Outcome(release=3, champion=champion, sentence="release 3 serves now")
    return Summary(outcome, None, [], Report({}))


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (ended(champion=True), 0, ""),
        (ended(champion=False), 3, ""),
        (RunFailedError("Trainer: no"), 1, "diptych: Trainer: no\n"),
        (KeyboardInterrupt(), 130, "diptych: stopped"),
    ],
)
def test_exit_codes(monkeypatch, outcome, code, words):
    def run(config, use_cache, wait, as_json):
        assert (use_cache, wait, as_json) == (True, False, False)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(run_locally, "run", run)
    shown = CliRunner().invoke(app, ["run", str(EMOJI)])
    assert shown.exit_code == code
    assert shown.stderr.startswith(words)
    assert "Traceback" not in shown.output


def test_the_version():
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, f"diptych {version('diptych')}\n")


def test_a_refused_promotion_says_how_to_do_it_nonetheless(monkeypatch):
    def refuse(*_):
        raise RefusedError("recall is 0.1, below 0.4; the index is worse")

    monkeypatch.setattr(champion, "promote", refuse)
    shown = CliRunner().invoke(app, ["promote", "3", "-c", str(EMOJI)])
    assert shown.exit_code == 3
    assert shown.stderr.splitlines() == [
        "diptych: not promoted: recall is 0.1, below 0.4; the index is worse",
        'diptych: `diptych promote 3 --force --reason "..."` does it nonetheless',
    ]


def test_the_curves_of_a_training_can_be_opened_by_what_is_said_of_them():
    said = how_to_see_the_curves({"Trainer": {"model_run": [SimpleNamespace(uri="/w/C# x/it's")]}})
    program, *arguments = shlex.split(said.removeprefix("curves of the training: "))
    assert Path(program).exists()
    assert arguments == ["--logdir", "/w/C# x/it's"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["releases"], "no releases in {folder}/push yet"),
        (["promote", "3"], "diptych: {folder}/push/releases: holds no releases; see push.path"),
        (["promote", "3", "--force"], "diptych: --force needs a --reason, which is kept in the"),
        (["rollback"], "diptych: {folder}/push/releases: holds no releases; see push.path"),
        (["why"], "diptych: {folder}/runs/logs: there is no record of any run; `diptych run`"),
        (["why", "3"], "diptych: there is no release 3 in {folder}/push/releases"),
        (["why", "yesterday"], "diptych: {folder}/runs/logs: there is no record of run yesterday"),
        (["evaluate", "3", "."], "diptych: there is no release 3 in {folder}/push/releases"),
        (["evaluate", "nowhere", "."], "nowhere: is not a release; release.json is missing"),
    ],
)
def test_commands_on_a_pipeline_that_never_ran(tmp_path, arguments, sentence):
    file = tmp_path / "config.yaml"
    text = EMOJI.read_text().replace("../../runs/emoji/serving", "push")
    file.write_text(text.replace("../../runs/emoji", "runs"))
    shown = CliRunner().invoke(app, [*arguments, "-c", str(file)])
    assert sentence.format(folder=tmp_path) in shown.output.replace("\n", " ")
    assert shown.exit_code == (0 if arguments == ["releases"] else 1)
    assert "Traceback" not in shown.output
