"""A training run that a test may kill: `python -m tests.support.programs.training FOLDER [HOW]`.

It trains on FOLDER's records and leaves the weights there. HOW is when it kills itself, like
kill -9: a number is after that step; 'makedirs-2', 'variables-2', 'notes-2' and 'old-2' are before
a part of its second checkpoint (the last one: before an old checkpoint is removed); 'end' is after
training, before the weights are written. With 'wait' it sleeps after each step, so that there is
time for a signal.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tests.support.training import config, forget, trained, weights
from trainer.training.monitoring import monitor
from trainer.training.preemption import PreemptedError

EPOCHS = 4
PARTS = {
    "makedirs": (tf.io.gfile, "makedirs"),
    "variables": (tf.train.Checkpoint, "write"),
    "notes": (tf.io.gfile, "rename"),
    "old": (tf.io.gfile, "rmtree"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, how: str) -> None:
    """Train, perhaps not to the end."""
    after = monitor.Monitor.step

    def step(self: monitor.Monitor, done: int, loss: tf.Tensor, waited: float) -> None:
        after(self, done, loss, waited)
        print("step", done, flush=True)
        if how.isdecimal() and done == int(how):
            die()
        if how == "wait":
            time.sleep(0.2)

    monitor.Monitor.step = step  # type: ignore[method-assign]
    part, _, number = how.partition("-")
    if part in PARTS:
        owner, name = PARTS[part]
        real, seen = getattr(owner, name), []

        def dying(*arguments: Any, **options: Any) -> Any:
            if not any("step-" in str(each) for each in arguments):
                return real(*arguments, **options)
            seen.append(arguments)
            if len(seen) == int(number):
                die()
            return real(*arguments, **options)

        setattr(owner, name, dying)
    files = sorted(map(str, (folder / "data").glob("*.gz")))
    settings = config(training={"epochs": EPOCHS, "average": 0.9, "clip_norm": 1.0})
    try:
        model = trained(settings, files, folder)
    except PreemptedError as error:
        print(error)
        sys.exit(143)
    if how == "end":
        die()
    np.savez(folder / "weights.npz", *weights(model))
    forget(settings, files, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
