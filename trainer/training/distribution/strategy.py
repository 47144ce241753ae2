"""Which devices train together."""

import functools
from collections.abc import Callable, Sequence
from typing import Literal

import tensorflow as tf

from schema.errors import InputError
from trainer.training.distribution.tf_config import Cluster


def strategy(cluster: Cluster, devices: int | Literal["all"]) -> tf.distribute.Strategy:
    """The strategy of a run; TensorFlow's default one for a single device.

    With several workers this waits until all of them are there, and each uses all its devices.
    TensorFlow allows that only before the process has computed anything.

    Args:
        cluster: the workers.
        devices: how many of this machine's; GPUs if it has any, else CPUs.

    Raises:
        InputError: it has fewer.
    """
    if cluster.workers > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    wanted = len(found) if devices == "all" else devices
    if wanted > len(found):
        kind = found[0].device_type
        raise InputError(
            f"training.devices = {wanted} is more than the {len(found)} {kind} devices that "
            "TensorFlow sees"
        )
    if wanted == 1:
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in found[:wanted]))


@functools.cache  # two of the same devices would take each other's messages for their own
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(names))


def share_of(batch_size: int, replicas: int) -> int:
    """How many of the `batch_size` records of a step one replica (a device) takes.

    Raises:
        InputError: they cannot be shared out evenly.
    """
    if batch_size % replicas:
        raise InputError(
            f"training.batch_size = {batch_size} counts the records of all devices together and "
            f"cannot be shared out evenly among {replicas}"
        )
    return batch_size // replicas


def totals(strategy: tf.distribute.Strategy) -> Callable[[Sequence[int]], list[int]]:
    """A function that adds numbers up over the devices of all workers.

    Every worker must call it, and gets the same answer; it fails when one of them has died.
    """

    @tf.function
    def add(values: tf.Tensor) -> tf.Tensor:
        parts = strategy.run(lambda: tf.identity(values))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

    return lambda values: add(tf.constant(values, tf.int64)).numpy().tolist()


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when every worker has come here; fails when one of them has died."""
    totals(strategy)([1])
