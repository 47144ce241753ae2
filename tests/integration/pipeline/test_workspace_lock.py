"""One command at a time in a workspace; who is in the way is told."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.process.workspace_lock import FILE, locked
from schema.errors import InputError
from tests.support.paths import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from pipeline.process.workspace_lock import locked
with locked(Path(sys.argv[1]), "run", wait=len(sys.argv) > 2):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(workspace: Path, *wait: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace), *wait],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_second_command_is_refused_with_the_first_one_named(tmp_path):
    with holder(tmp_path) as first:
        assert line(first) == "held\n"
        with pytest.raises(InputError) as caught, locked(tmp_path, "check"):
            raise AssertionError("both have it")
        said = re.fullmatch(
            r"`diptych run` \(process (\d+) on (\S+), since [-0-9]+ [:0-9]+\+[:0-9]+\) is running "
            rf"in {tmp_path}; start this when it has ended, or with --wait",
            str(caught.value),
        )
        assert said is not None
        assert said.groups() == (str(first.pid), socket.gethostname())
        first.communicate("\n", timeout=60)
    with locked(tmp_path, "check"):  # it let go
        pass


def test_a_killed_holder_blocks_nobody(tmp_path):
    with holder(tmp_path) as first:
        assert line(first) == "held\n"
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    with locked(tmp_path, "run"):
        assert '"command": "run"' in (tmp_path / FILE).read_text()


def test_one_waits_if_that_is_wanted(tmp_path):
    with holder(tmp_path) as first:
        assert line(first) == "held\n"
        with holder(tmp_path, "wait") as second:
            assert line(second).startswith(f"waiting: `diptych run` (process {first.pid} on ")
            assert second.poll() is None
            first.communicate("\n", timeout=60)
            assert line(second) == "held\n"
            second.communicate("\n", timeout=60)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', "\xff"])
def test_a_lock_that_says_nothing_still_locks(tmp_path, content):
    with holder(tmp_path) as first:
        assert line(first) == "held\n"
        (tmp_path / FILE).write_text(content, encoding="latin-1")
        with (
            pytest.raises(InputError, match=r"^another command is running in "),
            locked(tmp_path, ""),
        ):
            pass
        first.communicate("\n", timeout=60)
