"""From transformed files to trained networks, on whatever devices and workers there are."""

import dataclasses
import hashlib
import logging
import posixpath
from collections.abc import Sequence

import tensorflow as tf

from trainer import data, devices, loop, optimizer, overfitting, sample, schedule, start
from trainer.abandoned import remove_abandoned
from trainer.apart import kept_apart, learned_from
from trainer.checkpoints import Checkpoints
from trainer.cluster import Cluster
from trainer.config import TrainerConfig, canonical_json
from trainer.joint_loss import bias_warning
from trainer.looks import Looks
from trainer.model import DualEncoder
from trainer.serving_copy import ServingCopy
from trainer.stop import Stop
from trainer.watch import Watch

LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came out: the networks to serve, and a sentence for all that a person should know."""

    model: DualEncoder
    remarks: tuple[str, ...]


def train(
    config: TrainerConfig,
    spec: data.Spec,
    files: Sequence[str],
    held_out: Sequence[str],
    cluster: Cluster,
    strategy: tf.distribute.Strategy,
    curves: str,
    checkpoints: str | None,
    apart: float = 0.0,
) -> Trained:
    """Train both towers.

    Args:
        config: the trainer's.
        spec: parsing spec of the transformed records.
        files: of the train split.
        held_out: of the evaluated split, for the curves.
        cluster: the workers, and which one this is.
        strategy: from `devices.strategy`.
        curves: folder for TensorBoard.
        checkpoints: folder of the checkpoints of all runs, the same at every attempt; None: none.
        apart: share of the keys that is not learned from, and the only one of `held_out` that is
            looked at; 0: all files are used whole. A search's trials ask for it, on one machine.

    Returns:
        The same networks on every worker, outside of the strategy.

    Raises:
        InputError: the train split holds less than one batch, the batch cannot be shared out, the
            warm-up is not shorter than the run, a checkpoint cannot be written, or training goes
            wrong.
        StopError: SIGTERM came; a checkpoint was written.
    """
    training = config.training
    keep = learned_from(apart) if apart else None
    records = data.count_records(files, keep)
    steps = schedule.steps_of(training, records)
    size = devices.share_of(training.batch_size, strategy.num_replicas_in_sync)
    with strategy.scope():
        model = DualEncoder(config)
        model.compile(optimizer=optimizer.build(training, steps, model.rates))
        model.optimizer.build(model.trainable_variables)
    start.load(model)

    def batches(first: int) -> tf.data.Dataset:
        mine, part = len(range(cluster.index, records, cluster.workers)), training.batch_size
        whole = data.training_batches(
            files, spec, config, mine, part // cluster.workers, cluster, first, keep
        )
        return whole if size * cluster.workers == part else whole.rebatch(size)

    remarks = _noted(bias_warning(config.loss, training.batch_size))
    kept = None
    if checkpoints is not None and training.checkpoint_steps:
        folder = checkpoints_of(config, files, checkpoints)
        kept = Checkpoints(folder, model.changing, cluster.is_chief)
        if cluster.is_chief:
            remove_abandoned(checkpoints)
    watch = Watch(steps, training.batch_size)
    learned = sample.read(files, spec, config, keep)
    others = sample.read(held_out, spec, config, kept_apart(apart) if apart else None)
    copy = ServingCopy(model, learned.pixels if learned is not None else None)
    looks = Looks(
        copy,
        watch,
        steps,
        steps // training.epochs,
        others,
        posixpath.join(curves, "train") if cluster.is_chief else None,
    )
    with Stop() as stop:
        run = loop.Run(model, strategy, batches, steps, kept, looks.step, stop)
        loop.train(run, config)
    served = copy.update()
    if learned is not None and others is not None:
        remarks += _noted(overfitting.remark(copy, learned, others))
    return Trained(served, remarks)


def _noted(remark: str | None) -> tuple[str, ...]:
    if remark is None:
        return ()
    LOGGER.warning(remark)
    return (remark,)


def checkpoints_of(config: TrainerConfig, files: Sequence[str], checkpoints: str) -> str:
    """The folder of this run's checkpoints, told from others' by its config and its data.

    It stays until the caller removes it: what was learned is not safe before it is written.
    """
    told = "\n".join((canonical_json(config), *files))
    return posixpath.join(checkpoints, hashlib.sha256(told.encode()).hexdigest()[:16])
