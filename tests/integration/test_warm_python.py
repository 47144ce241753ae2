"""Programs forked from a warm process behave as those that Python starts."""

import signal
import subprocess

WARM_MODULES = ["decimal"]


def run(command: list[str], **given) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **given)


def test_a_program_has_its_arguments_streams_environment_and_folder(warm_python, tmp_path):
    code = (
        "import os, sys; sys.stdout.reconfigure(errors='strict');"
        "print(sys.argv[1:], os.environ['COLOUR'], os.getcwd(), sys.stdin.read());"
        "print('decimal' in sys.modules, 'schema' in sys.modules, file=sys.stderr); sys.exit(7)"
    )
    command = warm_python.command("-c", code, "a b", "ü")
    ended = run(command, input="in", cwd=tmp_path, env={"COLOUR": "red"})
    assert ended.returncode == 7
    assert ended.stdout == f"['a b', 'ü'] red {tmp_path} in\n"
    assert ended.stderr == "True False\n"


def test_a_module_and_a_file(warm_python, tmp_path):
    (tmp_path / "hello.py").write_text("import sys; print(__name__, sys.argv[1:])")
    for arguments in (("-m", "hello"), (tmp_path / "hello.py",)):
        ended = run(warm_python.command(*arguments, "1"), cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (0, "__main__ ['1']\n")


def test_an_error_is_a_traceback_and_status_1(warm_python):
    ended = run(warm_python.command("-c", "1 / 0"))
    assert ended.returncode == 1
    assert ended.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_program_that_kills_itself(warm_python):
    ended = run(warm_python.command("-c", "import os; os.kill(os.getpid(), 9)"))
    assert ended.returncode == -signal.SIGKILL


SLEEPER = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_is_passed_on(warm_python):
    with subprocess.Popen(
        warm_python.command("-c", SLEEPER), stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        client.stdout.readline()
        client.send_signal(signal.SIGINT)
        assert client.stdout.read() == "interrupted\n"
    assert client.returncode == 0


def test_a_program_ends_with_its_client(warm_python):
    with subprocess.Popen(
        warm_python.command("-c", SLEEPER), stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        client.stdout.readline()
        client.kill()
        assert client.stdout.read() == ""  # the program has let go of it
    assert client.returncode == -signal.SIGKILL
