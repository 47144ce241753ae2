"""A signal ends the process in time with one sentence, whatever it is doing."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from pipeline.process import stopping
from tests.support.paths import ROOT

PROGRAM = """
import hashlib, subprocess, sys, threading, time
from pipeline.process import stopping
from schema.errors import InputError

def sleep():
    print("ready", flush=True)
    time.sleep(600)

def orderly():
    try:
        sleep()
    finally:
        print("closed", flush=True)

def swallowed():  # as Beam does
    try:
        sleep()
    except BaseException as error:
        raise RuntimeError("a stage failed") from error

def exits():
    try:
        sleep()
    except KeyboardInterrupt:
        sys.exit(0)

def half():
    try:
        sleep()
    except KeyboardInterrupt:
        raise InputError("the change could not be taken back")

def busy():  # a thread that never ends holds up the end of Python
    threading.Thread(target=time.sleep, args=(600,)).start()
    sleep()

def deaf(line="ready"):
    while True:
        try:
            print(line, flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            line = "go on"

def waiting():  # as Beam does for its workers
    child = subprocess.Popen(["sleep", "600"])
    try:
        sleep()
    finally:
        print("ended", child.wait(), flush=True)

def stuck():  # in a library, which lets Python's own handlers wait
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

with stopping.stoppable("start it again", grace_s=float(sys.argv[2])):
    globals()[sys.argv[1]]()
"""


@contextlib.contextmanager
def started(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has come to where it waits."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("what", "printed", "sentence"),
    [
        ("orderly", "closed\n", "stopped; start it again"),
        ("swallowed", "", "stopped; start it again"),
        ("exits", "", "stopped; start it again"),
        ("half", "", "stopped: the change could not be taken back"),
        ("busy", "", "stopped; start it again"),
        ("waiting", "ended -9\n", "stopped; start it again"),
    ],
)
def test_the_first_signal_closes_what_is_open(number, code, what, printed, sentence):
    with started(PROGRAM, what, "600") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, printed, f"diptych: {sentence}\n")


@pytest.mark.parametrize(("what", "printed"), [("deaf", "go on\n"), ("stuck", "")])
def test_time_is_up_for_what_does_not_close(what, printed):
    with started(PROGRAM, what, "0.5") as process:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, printed)
    assert err == "diptych: stopped; start it again\n"


def test_a_second_signal_ends_it_at_once():
    with started(PROGRAM, "deaf", "600") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "go on\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "diptych: stopped; start it again\n"


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping.stoppable("stopped"):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            assert not stopping.signalled()
    finally:
        signal.signal(signal.SIGINT, before)


def test_everything_is_as_before_afterwards():
    def state():
        return signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), open_files()

    def open_files():
        return len(os.listdir("/proc/self/fd"))

    before = state()
    with pytest.raises(KeyError), stopping.stoppable("stopped"):
        raise KeyError("of the command's own")
    assert state() == before


def test_what_was_swallowed_is_raised_again(monkeypatch):
    stopping.check()
    monkeypatch.setattr(stopping, "signalled", lambda: True)
    with pytest.raises(KeyboardInterrupt):
        stopping.check()


POD = """
import sys, time, types
from kubeflow.entrypoint import __main__ as pod

def run(told):
    print("ready", flush=True)
    time.sleep(600)

pod.parse = lambda arguments: types.SimpleNamespace(node="Transform")
sys.modules["kubeflow.entrypoint.node"] = types.SimpleNamespace(run=run)
pod.main([])
"""


def test_a_pod_that_is_taken_away_says_so():
    with started(POD) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err == "diptych: Transform: stopped; a retry repeats the node\n"
