"""A child ends with its parent, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schema.system.child_process import ending_with_parent, kill_children
from tests.support.paths import ROOT

PARENT = """
import subprocess, sys
from schema.system.child_process import ending_with_parent, kill_children
child = subprocess.Popen(ending_with_parent(["sleep", "600"]))
print(child.pid, flush=True)
child.wait()
"""


def exists(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(there: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not there():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_of_a_killed_parent_is_killed(number):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_until(lambda: Path(f"/proc/{child}/cmdline").read_bytes() == b"sleep\x00600\x00")
    parent.send_signal(number)
    parent.wait(60)
    parent.stdout.close()
    wait_until(lambda: not exists(child))


def test_the_children_of_a_session_are_killed_together():
    with (
        subprocess.Popen(["sleep", "600"]) as one,
        subprocess.Popen(["sleep", "600"], start_new_session=True) as other,
    ):
        kill_children()
        assert one.wait(30) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_a_child_whose_parent_has_ended_before_does_not_start(tmp_path):
    command = ending_with_parent(["touch", tmp_path / "started"])
    command[command.index(str(os.getpid()))] = "1"  # as if this were the wrong parent
    assert subprocess.run(command).returncode != 0
    assert not (tmp_path / "started").exists()


def test_a_child_is_its_command():
    done = subprocess.run(
        ending_with_parent(
            [sys.executable, "-c", "import sys; print(sys.argv); sys.exit(3)", "a b"]
        ),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (3, "['-c', 'a b']\n")


def test_a_command_that_is_not_there_is_a_sentence(tmp_path):
    done = subprocess.run(ending_with_parent([tmp_path / "none"]), capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}/none cannot be started: No such file or directory\n"
