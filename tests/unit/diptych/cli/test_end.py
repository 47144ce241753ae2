"""How the process of a command ends."""

import subprocess
import sys

PROGRAM = """
import atexit, sys
import diptych.cli.main as command

class TakenApart:
    def __del__(self):
        print("taken apart")

def app(standalone_mode):
    atexit.register(print, "handlers run")
    sys.modules["kept"] = TakenApart()
    if {fails}:
        raise RuntimeError("a mistake")
    return 3

command.app = app
command.main()
"""


def ended(fails: bool) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(fails=fails)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_a_command_ends_without_taking_libraries_apart():
    done = ended(fails=False)
    assert (done.returncode, done.stdout.split("\n")) == (3, ["handlers run", ""])


def test_a_mistake_ends_as_in_any_program():
    done = ended(fails=True)
    assert done.returncode == 1
    assert done.stdout.startswith("handlers run")
    assert "a mistake" in done.stderr
