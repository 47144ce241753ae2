"""What libraries leave in TMPDIR goes with the process, or with the next one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.process.temporary_folder import PREFIX, VARIABLE, abandoned, scratch
from tests.support.paths import ROOT

KILLED = """
import os, tempfile
from pathlib import Path
from pipeline.process.temporary_folder import scratch
with scratch():
    Path(tempfile.mkdtemp(), "file").touch()
    os.kill(os.getpid(), 9)
"""


def test_everything_temporary_is_inside_and_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "mine")
    with scratch() as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(PREFIX)
        assert os.environ[VARIABLE] == tempfile.gettempdir() == str(folder)
        Path(tempfile.mkdtemp(), "file").touch()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert abandoned() == []  # it lives
    assert list(tmp_path.iterdir()) == []
    assert os.environ[VARIABLE] == "mine"
    assert tempfile.gettempdir() == str(tmp_path)


def test_the_next_one_removes_what_a_killed_one_left(tmp_path, monkeypatch):
    command = [sys.executable, "-c", KILLED]
    subprocess.run(command, cwd=ROOT, env={**os.environ, VARIABLE: str(tmp_path)})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "of others").mkdir()
    [left] = abandoned()
    assert list(left.rglob("file"))
    with scratch() as folder:
        assert {each.name for each in tmp_path.iterdir()} == {"of others", folder.name}
