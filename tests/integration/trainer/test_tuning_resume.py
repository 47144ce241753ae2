"""A search that is killed ends as if nothing had happened, and repeats no trial."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.programs.tuning import STEPS, TUNE, search
from tests.support.training import write_records
from tests.support.warm_python import WarmPython

RECORDS = 60
WARM_MODULES = ["tests.support.training", "trainer.tuning.tuner"]


def run(
    python: WarmPython, folder: Path, *fatal: int
) -> tuple[int, list[tuple[int, int]], dict[str, float]]:
    """The exit code, the (trial, step)s that were made, and the scores."""
    done = subprocess.run(
        python.command("-m", "tests.support.programs.tuning", folder, *map(str, fatal)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    steps = [line.split()[1:] for line in lines if line.startswith("step ")]
    scores = [json.loads(line[7:]) for line in lines if line.startswith("scores ")]
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode, [(int(t), int(s)) for t, s in steps], *(scores or [{}])


@pytest.mark.filterwarnings("ignore::UserWarning")  # of scikit-learn, when its fit is no better
def test_killed_and_started_again(warm_python, tmp_path):
    for name in ("killed", "undisturbed"):
        write_records(tmp_path / name / "data", RECORDS)
    folder = tmp_path / "killed"

    code, steps, _ = run(warm_python, folder, 3, 6)
    assert code == -signal.SIGKILL
    expected = [(trial, step) for trial in (1, 2) for step in range(1, STEPS + 1)]
    assert steps == [*expected, *((3, step) for step in range(1, 7))]

    code, steps, scores = run(warm_python, folder)
    assert code == 0
    # Its checkpoint is of step 4: the guided search asked for the very same trial again.
    assert steps[: STEPS - 4] == [(3, step) for step in range(5, STEPS + 1)]
    assert {trial for trial, _ in steps} == {3, 4}
    assert len(list((folder / "trials").glob("*/outcome.json"))) == TUNE.trials
    assert not list((folder / "trials").glob("*/checkpoints/*"))

    whole = search(tmp_path / "undisturbed")
    assert list(whole.items()) == list(scores.items())  # from the best to the worst
    assert len(set(scores.values())) > 1  # or their order would say nothing
