"""A search that a test may kill: `python -m tests.support.programs.tuning FOLDER [TRIAL STEP]`.

It searches on FOLDER's records and prints each step; with two numbers it kills itself, like
kill -9, after that step of that trial. At the end it prints the score of each trial by its values.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from tests.support.training import SPEC, config
from trainer.config.tuning import TuneConfig
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster
from trainer.training.monitoring import monitor
from trainer.tuning.trials import Trials
from trainer.tuning.tuner import Search

TUNE = TuneConfig.model_validate(
    {
        "trials": 4,
        "algorithm": "bayesian",  # two trials are drawn, two guided by those before
        "held_out": 0.2,
        "space": {
            "training.learning_rate": {"min": 1e-4, "max": 0.1, "log": True},
            "model.embedding_dim": {"values": [4, 6]},
        },
    },
    strict=False,
)
CONFIG = config(model={"image_tower": {"kind": "conv"}})  # the quickest to compile
STEPS = 12


def search(folder: Path, step: Callable[[int, int], None] = lambda *_: None) -> dict[str, float]:
    """Search, and call `step` with the trial and the step after each.

    Returns:
        The score of each trial by the JSON of its values.
    """
    files = sorted(map(str, (folder / "data").glob("*.gz")))
    strategy = create_strategy(Cluster(), 1)
    after = monitor.Monitor.step

    def noted(self: monitor.Monitor, done: int, loss: tf.Tensor, waited: float) -> None:
        after(self, done, loss, waited)
        step(len(made.oracle.trials), done)

    monitor.Monitor.step = noted  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            trials = Trials(CONFIG, TUNE, SPEC, files, strategy, str(folder / "trials"))
            made = Search(TUNE, CONFIG, trials.outcome, scratch)
            made.search(verbose=0)
    finally:
        monitor.Monitor.step = after  # type: ignore[method-assign]
    best = made.oracle.get_best_trials(TUNE.trials)
    return {json.dumps(each.hyperparameters.values): each.score for each in best}


def main(folder: Path, fatal: list[int]) -> None:
    """Search, perhaps not to the end."""

    def step(trial: int, done: int) -> None:
        print("step", trial, done, flush=True)
        if [trial, done] == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    print("scores", json.dumps(search(folder, step)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(each) for each in sys.argv[2:]])
