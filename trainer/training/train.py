"""From transformed files to trained networks, on whatever devices and workers there are."""

import dataclasses
import hashlib
import json
import logging
import posixpath
from collections.abc import Sequence

import tensorflow as tf

from schema.config.section import canonical_json
from schema.system import disk
from trainer.config import machine_memory
from trainer.config.config_warnings import config_warnings
from trainer.config.model import TrainerConfig
from trainer.export import initial_weights
from trainer.export.content_digests import content_digests, trainer_code
from trainer.models.dual_encoder import DualEncoder
from trainer.training import input_pipeline, loop, optimizer, schedule
from trainer.training.checkpoint_cleanup import remove_abandoned
from trainer.training.checkpoints import Checkpoints
from trainer.training.disk_needs import needs
from trainer.training.distribution import strategy as devices
from trainer.training.distribution.tf_config import Cluster
from trainer.training.holdout import kept_apart, learned_from
from trainer.training.monitoring import overfitting, retrieval_sample
from trainer.training.monitoring.monitor import Looks
from trainer.training.monitoring.progress import Watch
from trainer.training.preemption import Stop
from trainer.training.serving_weights import ServingCopy

LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came out: the networks to serve, and a sentence for all that a person should know."""

    model: DualEncoder
    remarks: tuple[str, ...]


def train(
    config: TrainerConfig,
    spec: input_pipeline.Spec,
    files: Sequence[str],
    held_out: Sequence[str],
    cluster: Cluster,
    strategy: tf.distribute.Strategy,
    curves: str,
    checkpoints: str | None,
    apart: float = 0.0,
    exports: str | None = None,
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
        exports: folder that the models will be exported to; None: they will not be.

    Returns:
        The same networks on every worker, outside of the strategy.

    Raises:
        InputError: the train split holds less than one batch, the batch cannot be shared out, the
            run does not fit into memory, its warm-up is not shorter than it, a checkpoint cannot
            be written, or training goes wrong.
        UnavailableError: what will be written does not fit on its disks.
        StopError: SIGTERM came; a checkpoint was written.
    """
    training = config.training
    keep = learned_from(apart) if apart else None
    records = input_pipeline.count_records(files, keep)
    steps = schedule.steps_of(training, records)
    size = devices.share_of(training.batch_size, strategy.num_replicas_in_sync)
    here = strategy.num_replicas_in_sync // cluster.workers
    on_cpu = not tf.config.list_logical_devices("GPU")
    machine_memory.check(config, here, on_cpu, cluster.workers)
    with strategy.scope():
        model = DualEncoder(config)
        model.compile(optimizer=optimizer.build(training, steps, model.rates))
        model.optimizer.build(model.trainable_variables)
    initial_weights.load(model)

    def batches(first: int) -> tf.data.Dataset:
        mine, part = len(range(cluster.index, records, cluster.workers)), training.batch_size
        whole = input_pipeline.training_batches(
            files, spec, config, mine, part // cluster.workers, cluster, first, keep
        )
        return whole if size * cluster.workers == part else whole.rebatch(size)

    for warning in config_warnings(config):
        LOGGER.warning(warning)
    kept = None
    if checkpoints is not None and training.checkpoint_steps:
        folder = checkpoints_of(config, files, checkpoints)
        kept = Checkpoints(folder, model.changing, cluster.is_chief)
        if cluster.is_chief:
            remove_abandoned(checkpoints)
    if cluster.is_chief:
        disk.require(needs(model, kept, exports))
    watch = Watch(steps, training.batch_size)
    learned = retrieval_sample.read(files, spec, config, keep)
    others = retrieval_sample.read(held_out, spec, config, kept_apart(apart) if apart else None)
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
    remark = None
    if learned is not None and others is not None:
        remark = overfitting.remark(copy, learned, others)
    if remark is not None:
        LOGGER.warning(remark)
    return Trained(served, () if remark is None else (remark,))


def checkpoints_of(config: TrainerConfig, files: Sequence[str], checkpoints: str) -> str:
    """The folder of this run's checkpoints, named after all that decides what the run learns.

    It stays until the caller removes it: what was learned is not safe before it is written.
    """
    return posixpath.join(checkpoints, fingerprint(config, files))


def fingerprint(config: TrainerConfig, files: Sequence[str], *others: str) -> str:
    """Digest of what decides what a run learns.

    Args:
        config: the trainer's; the contents of what it points to count too.
        files: of the train split; written once, so their names are enough.
        others: whatever else decides.
    """
    content = json.dumps(content_digests(config), sort_keys=True)
    parts = (canonical_json(config), content, trainer_code(), *others, *files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
