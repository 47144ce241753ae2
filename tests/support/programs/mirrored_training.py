"""Compare two devices of one machine with one.

`python -m tests.support.programs.mirrored_training FOLDER`.

Weights of both, and behind them the losses of the steps, end in the folder. The devices are two
halves of this CPU, which TensorFlow allows only before it has computed anything, hence a process of
its own.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.support.programs.training_worker import SETTINGS, trained
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster

DEVICES = 2


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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
