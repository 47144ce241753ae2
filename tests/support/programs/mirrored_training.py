"""Compare two devices of one machine with one.

`python -m tests.support.programs.mirrored_training FOLDER`.

Weights of both, and behind them the losses of the steps, end in the folder. The devices are two
halves of this CPU, which TensorFlow allows only before it has computed anything, hence a process of
its own.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.support import training
from tests.support.programs.training_worker import SETTINGS, trained
from trainer.export import initial_weights
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster
from trainer.training.optimization import optimizer

DEVICES, RATE = 2, 0.1
CONV = {"kind": "conv", "filters": 4}
# Settings that need the input pipeline: texts in two groups by length, as many in a step as there
# are, and features that are computed once.
FROM_RECORDS = {
    "captions": {
        "image_tower": CONV,
        "text_tower": {"kind": "transformer", "width": 8, "depth": 1, "heads": 2},
    },
    "frozen": {
        "image_tower": CONV,
        "text_tower": {"kind": "bag", "width": 8, "train": "frozen", "weights": "release:none"},
    },
}


class PlainSgd(keras.optimizers.SGD):
    """Steps along the gradient, with what the reports read of an optimizer."""

    last_rate = RATE


def main(folder: Path) -> None:
    """Train with one device and with both."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(DEVICES)]
    )
    for name in SETTINGS:
        for count in (1, DEVICES):
            losses: list[float] = []

            def note(done: int, loss: tf.Tensor, waited: float, to: list[float] = losses) -> None:
                to.append(float(loss))

            single = Cluster()
            model = trained(name, create_strategy(single, count), single, on_step=note)
            np.savez(folder / f"{name}-{count}.npz", *model.get_weights(), np.array(losses))
    _train_from_records(folder)


def _train_from_records(folder: Path) -> None:
    """Train on all captions of written records, as a run does."""
    # The weights that the seed gives stand for those of a release.
    initial_weights.load = lambda model: None
    # A gradient twice too long would not show behind Adam, and noise where it is 0 would.
    optimizer.build = lambda *_: PlainSgd(RATE)
    files = training.write_records(folder / "records", 24)
    for name, model in FROM_RECORDS.items():
        settings = training.config(model=model, training={"epochs": 2, "captions": "all"})
        for count in (1, DEVICES):
            place = folder / f"{name}-{count}"
            found = training.trained(settings, files, place, count, checkpoints=None)
            np.savez(folder / f"{name}-{count}.npz", *found.get_weights())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
