"""The devices and workers that train together, and what the workers decide together."""

import functools
from collections.abc import Callable, Sequence
from typing import Literal

import tensorflow as tf

from schema.errors import InputError
from trainer.training.distribution.tf_config import Cluster


def create_strategy(cluster: Cluster, devices: int | Literal["all"]) -> tf.distribute.Strategy:
    """Create the strategy of a run; TensorFlow's default one for a single device.

    With several workers this waits until all of them are connected, and each uses all its devices.
    TensorFlow allows that only before the process has computed anything.

    Args:
        cluster: the workers.
        devices: how many of this machine to use: GPUs if it has any, else CPUs.

    Raises:
        InputError: the machine has fewer devices.
    """
    if cluster.workers > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    available = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    count = len(available) if devices == "all" else devices
    if count > len(available):
        kind = available[0].device_type
        raise InputError(
            f"training.devices = {count} is more than the {len(available)} {kind} devices that "
            "TensorFlow sees"
        )
    if count == 1:
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in available[:count]))


@functools.cache  # two strategies of the same devices would mix up their messages
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(names))


def records_per_replica(batch_size: int, replicas: int) -> int:
    """Return how many of the `batch_size` records of a step one replica (a device) takes.

    Raises:
        InputError: the batch size is not a multiple of the number of replicas.
    """
    if batch_size % replicas:
        raise InputError(
            f"training.batch_size = {batch_size} counts the records of all devices together and "
            f"must be a multiple of their number, {replicas}"
        )
    return batch_size // replicas


def summation(strategy: tf.distribute.Strategy) -> Callable[[Sequence[int]], list[int]]:
    """Return a function that sums each number of a list over the devices of all workers.

    Every worker must call it, and gets the same result; it fails when one of them has died.
    """

    @tf.function
    def add(values: tf.Tensor) -> tf.Tensor:
        parts = strategy.run(lambda: tf.identity(values))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

    return lambda values: add(tf.constant(values, tf.int64)).numpy().tolist()


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when every worker has called this; fails when one of them has died."""
    summation(strategy)([1])


class Consensus:
    """Shares decisions among all workers; with a single worker this costs nothing.

    When one worker leaves, the others must not wait for it. Every worker must call the same methods
    after the same steps.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._sum = summation(strategy) if several else None

    def any(self, *flags: bool) -> list[bool]:
        """Return, for each flag, whether it is set at any worker."""
        if self._sum is None:
            return list(flags)
        return [total > 0 for total in self._sum(flags)]

    def check_same_step(self, step: int) -> None:
        """Check that all workers start from the same step.

        Raises:
            InputError: the workers do not see the same checkpoints.
        """
        if self._sum is None:
            return
        count, total, squares = self._sum((1, step, step**2))
        if count * squares != total**2:  # equal if and only if all steps are
            raise InputError(
                "the workers see different checkpoints: use a folder of checkpoints that all of "
                "them can read"
            )
