"""Choose what a step computes in, by timing it, where the processor multiplies bfloat16."""

import logging
import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from trainer.config.trainer import TrainerConfig
from trainer.config.training import Precision
from trainer.training.performance.cpu import has_bfloat16
from trainer.training.performance.xla import GAIN, seconds_of
from trainer.training.step import TrainableDualEncoder

NOTE = "precision.txt"  # beside the checkpoints: a resumed run must compute as it started
LONG_RUN = 60.0  # seconds; a shorter run does not win back the time of building networks twice
LOGGER = logging.getLogger(__name__)


def with_precision(config: TrainerConfig, precision: Precision) -> TrainerConfig:
    """Return a config whose towers compute in a type."""
    training = config.training.model_copy(update={"precision": precision})
    return config.model_copy(update={"training": training})


def faster_networks(
    networks: TrainableDualEncoder,
    build: Callable[[TrainerConfig], TrainableDualEncoder],
    batch: Callable[[], Mapping[str, Any]],
    steps: int,
    folder: str | None,
) -> TrainableDualEncoder:
    """Time a few steps of both types, and return the networks that take less time.

    Args:
        networks: compiled, in float32, with the weights to start with, which they keep.
        build: builds and compiles networks of a config.
        batch: makes a batch of the run.
        steps: of the whole run.
        folder: of the run's checkpoints, where the choice is noted; None: it is not.

    Returns:
        `networks`, or others in bfloat16 with the same weights.
    """
    noted = _noted(folder)
    if noted == "float32" or (noted is None and not has_bfloat16()):
        return networks
    half = None
    if noted == "bfloat16":
        half = _in_half(networks, build)
    else:
        values = batch()
        seconds = _seconds(networks, values)
        if seconds * steps >= LONG_RUN:
            candidate = _in_half(networks, build)
            in_half = _seconds(candidate, values)
            LOGGER.info("a step takes %.3f s, in bfloat16 %.3f s", seconds, in_half)
            half = candidate if in_half < GAIN * seconds else None
        _note(folder, "float32" if half is None else "bfloat16")
    return networks if half is None else half


def _in_half(
    networks: TrainableDualEncoder, build: Callable[[TrainerConfig], TrainableDualEncoder]
) -> TrainableDualEncoder:
    half = build(with_precision(networks.config, "bfloat16"))
    _assign(half.changing, [variable.numpy() for variable in networks.changing])
    return half


def _seconds(networks: TrainableDualEncoder, batch: Mapping[str, Any]) -> float:
    """Time the step of networks, and undo what the steps changed."""
    values = [variable.numpy() for variable in networks.changing]
    seconds = seconds_of(tf.function(networks.train_step), batch)
    _assign(networks.changing, values)
    return seconds


def _assign(variables: Sequence[tf.Variable], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _noted(folder: str | None) -> str | None:
    if folder is None or not tf.io.gfile.exists(posixpath.join(folder, NOTE)):
        return None
    with tf.io.gfile.GFile(posixpath.join(folder, NOTE)) as file:
        return str(file.read())


def _note(folder: str | None, precision: Precision) -> None:
    if folder is not None:
        tf.io.gfile.makedirs(folder)
        with tf.io.gfile.GFile(posixpath.join(folder, NOTE), "w") as file:
            file.write(precision)
