"""A training run that a test may kill: `python -m tests.train_program FOLDER [STEP | write]`.

It trains on FOLDER's records and leaves the weights there. With a number it kills itself, like
kill -9, after that step; with 'write' in the middle of its second checkpoint. With 'wait' it sleeps
after each step, so that there is time for a signal.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.train_kit import config, trained, weights
from trainer import looks
from trainer.stop import StopError

EPOCHS = 4


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, how: str) -> None:
    """Train, perhaps not to the end."""
    after = looks.Looks.step

    def step(self: looks.Looks, done: int, loss: tf.Tensor, waited: float) -> None:
        after(self, done, loss, waited)
        print("step", done, flush=True)
        if how.isdecimal() and done == int(how):
            die()
        if how == "wait":
            time.sleep(0.2)

    looks.Looks.step = step  # type: ignore[method-assign]
    if how == "write":
        real, seen = tf.io.gfile.rename, []

        def rename(*arguments: str, **options: bool) -> None:
            seen.append(arguments)
            if len(seen) == 2:
                die()
            real(*arguments, **options)

        tf.io.gfile.rename = rename
    files = sorted(map(str, (folder / "data").glob("*.gz")))
    told = config(training={"epochs": EPOCHS, "average": 0.9, "clip_norm": 1.0})
    try:
        model = trained(told, files, folder)
    except StopError as error:
        print(error)
        sys.exit(143)
    np.savez(folder / "weights.npz", *weights(model))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
