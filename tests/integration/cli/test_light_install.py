"""`diptych` where only the extra `search` is installed: every error is a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from diptych.cli.command import extra_of
from tests.support.paths import ROOT
from tests.support.small_run import small_values


def ended(folder: Path, extra: str, *commands: list[str]) -> list[tuple[int, str]]:
    """Exit codes and what was printed."""
    program = [sys.executable, "-m", "tests.support.programs.light_install", extra]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    run = subprocess.run(
        [*program, json.dumps(commands)],
        cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    return [(code, printed) for code, printed in json.loads(run.stdout)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(small_values()))
    (tmp_path / "bad.yaml").write_text("name: x\n")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_what_search_cannot_use_is_a_sentence(folder):
    release = (
        "is not there; name the folder of what serves, such as runs/emoji/serving, the folder of "
        "one release, or the URL of a served model"
    )
    assert ended(
        folder,
        "search",
        ["search", "none", "red apple"],
        ["search", "none", "--port", "0"],
        ["search", "empty", "x"],
        ["search", "none", "--token-file", "none"],
        ["search", "none", "x" * 3000],
        ["search", "none", "--host", "192.0.2.1"],
    ) == [
        (2, f"diptych: none: {release}\n"),
        (2, f"diptych: none: {release}\n"),
        (2, "diptych: empty: is not a release and not a serving folder\n"),
        (2, "diptych: none: the token cannot be read: No such file or directory\n"),
        (2, "diptych: text.0 has 3,000 characters, at most 2,000\n"),
        (2, "diptych: --host 192.0.2.1: is not an address of this machine\n"),
    ]


def test_what_nobody_foresaw_is_a_sentence_with_its_traceback_in_a_file(folder):
    (folder / "broken.py").write_text(
        "import diptych\ndef load(*_):\n    print('noise')\n    raise ValueError('a\\nsurprise')\n"
        "diptych.load = load\n"
    )
    [(code, printed)] = ended(folder, "search", ["!broken", "search", "empty", "x"])
    assert code == 1
    before, file = printed.removesuffix(")\n").rsplit(" ", 1)
    assert before == "diptych: ValueError: surprise (traceback in"
    kept = Path(file).read_text()
    assert "noise" in kept
    assert "Traceback (most recent call last)" in kept
    assert "ValueError: a" in kept


def test_commands_that_need_more_are_one_sentence(folder):
    train = [["run", "config.yaml"], ["check", "bad.yaml", "--json"]]
    others = [["report"], ["promote", "3"], ["init", "empty"],
              ["kubeflow", "compile", "config.yaml"]]  # fmt: skip
    answers = ended(folder, "search", *train, *others)
    needs_tfx = (
        "diptych: this command needs tfx, which is not installed; install diptych[pipeline]\n"
    )
    assert answers[:2] == [(1, needs_tfx)] * 2
    assert not (folder / "runs").exists()
    for command, (code, printed) in zip(others, answers[2:], strict=True):
        assert code in (1, 2), command
        assert printed.startswith("diptych: ")
        assert printed.count("\n") == 1


def test_search_with_the_client_alone_says_so(folder):
    [(code, printed), (version, _)] = ended(
        folder, "client", ["search", "none", "--port", "0"], ["--version"]
    )
    assert (code, version) == (1, 0)
    assert "which is not installed; install diptych[" in printed
    assert "Traceback" not in printed


def test_the_smallest_extra_that_has_a_package(monkeypatch):
    lines = [
        "rich", "grpcio; extra == 'client'", "python-multipart; extra == 'search'",
        "diptych[client]; extra == 'search'", "zstandard; extra == 'pipeline'",
    ]  # fmt: skip
    monkeypatch.setattr("importlib.metadata.requires", lambda _: lines)
    assert [extra_of(name) for name in ("grpcio", "python_multipart", "zstandard", "else")] == [
        "client", "search", "pipeline", "pipeline",
    ]  # fmt: skip
