"""A run that is killed, or asked to stop, ends as if nothing had happened."""

import functools
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.paths import ROOT
from tests.support.training import write_records
from tests.support.warm_python import WarmPython

SECONDS = 300
RECORDS = 60  # in batches of 12 five steps an epoch, 20 in all, and a checkpoint after every fourth


WARM_MODULES = ["tests.support.training"]

Start = Callable[..., subprocess.Popen]


@pytest.fixture(scope="module")
def start(warm_python) -> Start:
    """What starts the training of a folder, and may have it kill itself."""
    return functools.partial(started, warm_python)


def started(python: WarmPython, folder: Path, how: str = "") -> subprocess.Popen:
    return subprocess.Popen(
        python.command("-m", "tests.support.programs.training", folder, how),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(start: Start, folder: Path, how: str = "") -> tuple[int, list[int]]:
    """The exit code, and the steps that were made."""
    process = start(folder, how)
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode in (0, -signal.SIGKILL), out[-3000:]
    steps = [int(line.split()[1]) for line in out.splitlines() if line.startswith("step ")]
    return process.returncode, steps


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory) -> list[np.ndarray]:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_records(folder / "data", RECORDS)
    assert run(start, folder) == (0, list(range(1, 21)))
    assert not any((folder / "checkpoints").iterdir())  # the run has ended well
    return weights(folder)


def weights(folder: Path) -> list[np.ndarray]:
    with np.load(folder / "weights.npz") as found:
        return [found[name] for name in found.files]


def check(folder: Path, expected: list[np.ndarray]) -> None:
    found = weights(folder)
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("deaths", "then"),
    [
        # Before the first checkpoint, within the second epoch and within the fourth.
        (["2", "10", "19"], 17),
        # In each part of the second checkpoint, where the first one counts; then before the first
        # one is removed, when the third is there; then before the model is written, and nothing
        # is learned twice.
        (["makedirs-2", "variables-1", "notes-1", "old-2", "end"], 21),
    ],
)
def test_killed_and_started_again(undisturbed, start, tmp_path, deaths, then):
    write_records(tmp_path / "data", RECORDS)
    for how in deaths:
        code, _ = run(start, tmp_path, how)
        assert code == -signal.SIGKILL
    code, steps = run(start, tmp_path)
    assert (code, steps) == (0, list(range(then, 21)))
    check(tmp_path, undisturbed)


def test_asked_to_stop(undisturbed, start, tmp_path):
    write_records(tmp_path / "data", RECORDS)
    process = start(tmp_path, "wait")
    assert process.stdout is not None
    for line in process.stdout:
        if line == "step 6\n":
            process.send_signal(signal.SIGTERM)
            break
    out, _ = process.communicate(timeout=30)  # the time a scheduler gives it
    assert process.returncode == 143, out[-3000:]
    [told] = [line for line in out.splitlines() if line.startswith("training was stopped")]
    step = int(told.split()[5])
    assert told == (
        f"training was stopped at step {step} of 20; start the same run again to continue"
    )
    assert run(start, tmp_path) == (0, list(range(step + 1, 21)))
    check(tmp_path, undisturbed)
