"""A run asks for space before it starts and before it trains, and names the disk that is full."""

import datetime
import errno
import sys

import pytest
from typer.testing import CliRunner

from diptych.cli import printing
from diptych.cli.main import app
from pipeline.config.run_config import load
from pipeline.local import disks
from pipeline.local.session import _next_name
from schema.errors import UnavailableError
from schema.system import disk
from tests.support.places import start, write_config


def test_a_run_asks_for_the_least_before_it_writes_anything(tmp_path, monkeypatch):
    config = write_config(tmp_path, data=False)
    monkeypatch.setitem(disks.LEAST, disk.WORKSPACE, 10**15)
    for command in ("run", "check"):
        ended = CliRunner().invoke(app, [command, str(config)])
        assert ended.exit_code == 1
        assert ended.stderr.startswith(
            f"diptych: the disk {disk.mount_point(tmp_path)} is too full: "
        )
        assert f"1,000,000.0 GB for workspace in {tmp_path}/runs" in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]


def test_a_disk_that_fills_up_meanwhile_is_named(tmp_path):
    config = load(write_config(tmp_path, data=False))
    with pytest.raises(UnavailableError) as caught, disks.of_run(config):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value).startswith(
        f"the space of the disk {disk.mount_point(tmp_path)} is used up ("
    )
    with pytest.raises(OSError, match="pipe"), disks.of_run(config):
        raise OSError(errno.EPIPE, "Broken pipe")


def test_a_record_that_cannot_be_written_changes_nothing_else(tmp_path):
    missing = tmp_path / "missing"
    assert printing.keep(missing / "x.json", "{}") == [
        f"the record of this run is lost: {missing}/x.json: cannot be used: "
        f"the folder {missing} is not there"
    ]
    assert printing.keep(tmp_path / "x.json", "{}") == []
    assert (tmp_path / "x.json").read_text() == "{}"


def test_the_last_run_has_the_last_name_whatever_the_clock_says(tmp_path):
    now = datetime.datetime(2026, 10, 25, 2, 30)
    assert _next_name(tmp_path, now) == "2026-10-25T02-30-00"
    for name in ("2026-10-25T02-59-59.log", "kubeflow-compile.log", "2026-10-24T23-00-00.log"):
        (tmp_path / name).touch()
    assert _next_name(tmp_path, now) == "2026-10-25T03-00-00"
    assert _next_name(tmp_path, now.replace(hour=4)) == "2026-10-25T04-30-00"


NOISE = """
import resource, sys
from pathlib import Path
from pipeline.process.redirect_output import output_to
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with output_to(Path(sys.argv[1])) as terminal:
        print("noise " * 1000)
        print("for people", file=terminal)
        raise ValueError("the reason")
except ValueError as error:
    print(error, flush=True)
"""


def test_noise_for_a_log_that_is_full_never_reaches_the_terminal(tmp_path):
    command = [sys.executable, "-c", NOISE, str(tmp_path / "log")]
    ended = start(command, {"PYTHONUNBUFFERED": None})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "for people\nthe reason\n"
