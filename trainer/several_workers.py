"""Training in step on several workers: each has a share of the records and the same weights."""

from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from schema.errors import InputError
from trainer.cluster import Cluster
from trainer.config import TrainerConfig
from trainer.model import DualEncoder


def connect() -> tf.distribute.Strategy:
    """Meet the other workers of TF_CONFIG; waits until all of them are there.

    TensorFlow allows this only before the process has computed anything.
    """
    return tf.distribute.MultiWorkerMirroredStrategy()


def batch_of_replica(batch_size: int, replicas: int) -> int:
    """How many of the `batch_size` records of a step one replica (a device) takes.

    Raises:
        InputError: they cannot be shared out evenly.
    """
    if batch_size % replicas:
        raise InputError(
            f"training.batch_size = {batch_size} counts the records of all workers together and "
            f"cannot be shared out evenly among {replicas} devices"
        )
    return batch_size // replicas


def train(
    strategy: tf.distribute.Strategy,
    build: Callable[[], DualEncoder],
    batches: Callable[[int], tf.data.Dataset],
    config: TrainerConfig,
    cluster: Cluster,
    steps_per_epoch: int,
    callbacks: Iterable[keras.callbacks.Callback],
) -> DualEncoder:
    """Train together with the other workers.

    Args:
        strategy: from `connect`.
        build: makes the compiled model; the same on every worker.
        batches: this worker's share of the records as endless batches of a given size.
        config: `training.batch_size` counts the records of all workers together.
        cluster: the workers, and which one this is.
        steps_per_epoch: the same on every worker.
        callbacks: as for `fit`; of this worker.

    Returns:
        The same weights on every worker, outside of the strategy.

    Raises:
        InputError: the batch cannot be shared out evenly.
    """
    training = config.training
    size = batch_of_replica(training.batch_size, strategy.num_replicas_in_sync)
    with strategy.scope():
        model = build()
    tf.random.set_seed(training.seed + cluster.index)  # each augments its records in its own way
    loop(strategy, model, lambda: batches(size), training.epochs, steps_per_epoch, callbacks)
    return alone(model, config)


def loop(
    strategy: tf.distribute.Strategy,
    model: DualEncoder,
    batches: Callable[[], tf.data.Dataset],
    epochs: int,
    steps_per_epoch: int,
    callbacks: Iterable[keras.callbacks.Callback],
) -> None:
    """What `fit` does for one worker; Keras 3.15's `fit` fails before the first step of several.

    Args:
        strategy: the one under whose scope the model was built and compiled.
        model: of this worker.
        batches: endless batches for one replica.
        epochs: how often to go through all records.
        steps_per_epoch: the same on every worker.
        callbacks: as for `fit`.
    """

    @tf.function
    def step(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        # The mean over all replicas, so the first one here says it all.
        logs = strategy.run(model.train_step, args=(batch,))
        return strategy.experimental_local_results(logs["loss"])[0]

    told = keras.callbacks.CallbackList(list(callbacks), model=model, steps=steps_per_epoch)
    found = iter(strategy.distribute_datasets_from_function(lambda _: batches()))
    told.on_train_begin()
    for epoch in range(epochs):
        model.reset_metrics()
        told.on_epoch_begin(epoch)
        for number in range(steps_per_epoch):
            told.on_train_batch_begin(number)
            told.on_train_batch_end(number, {"loss": step(next(found))})
        told.on_epoch_end(epoch, model.get_metrics_result())
    told.on_train_end()


def alone(model: DualEncoder, config: TrainerConfig) -> DualEncoder:
    """The same networks outside of any strategy, to be written as those of one worker are.

    Every worker must call this: averages that the workers keep apart are gathered.
    """
    copy = DualEncoder(config)
    copy.set_weights(model.get_weights())
    return copy


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when every worker has come here; fails when one of them has died."""

    @tf.function
    def meet() -> tf.Tensor:
        ones = strategy.run(lambda: tf.ones([]))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, ones, axis=None)

    meet()


def share(records: int, cluster: Cluster) -> int:
    """How many of `records`, dealt out one by one, come to this worker."""
    return len(range(cluster.index, records, cluster.workers))
