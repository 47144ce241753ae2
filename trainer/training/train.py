"""Train both towers: from transformed files to networks to serve, on any devices and workers."""

import dataclasses
import logging
import posixpath
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from schema.errors import InputError
from schema.system import disk
from trainer.config import machine_memory
from trainer.config.trainer import TrainerConfig
from trainer.export import initial_weights
from trainer.export.digests import run_fingerprint
from trainer.training import loop
from trainer.training.checkpoints import Checkpoints, remove_stale_runs
from trainer.training.data import input_pipeline
from trainer.training.data.retrieval_sample import Sample
from trainer.training.data.run_data import RunData
from trainer.training.disk_needs import disk_needs, is_local
from trainer.training.distribution.strategy import records_per_replica
from trainer.training.distribution.tf_config import Cluster
from trainer.training.fine_tuning import correlated_heads, weight_mixing
from trainer.training.fine_tuning.mixing_curve import Mixing, Retained
from trainer.training.monitoring import health
from trainer.training.monitoring.monitor import Monitor
from trainer.training.monitoring.progress import ProgressReporter
from trainer.training.optimization import optimizer, schedule
from trainer.training.performance import precision
from trainer.training.preemption import Preemption
from trainer.training.serving_weights import ServingCopy
from trainer.training.step import TrainableDualEncoder

LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a training run.

    Attributes:
        model: the networks to serve, the same on every worker, outside of the strategy.
        remarks: sentences that the user should read.
        mixing: how the weights were mixed; None: they were not.
    """

    model: TrainableDualEncoder
    remarks: tuple[str, ...]
    mixing: Mixing | None = None


def train_towers(
    config: TrainerConfig,
    spec: input_pipeline.Spec,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    cluster: Cluster,
    strategy: tf.distribute.Strategy,
    curves: str,
    checkpoints: str | None,
    holdout: float = 0.0,
    exports: str | None = None,
    retained: Retained | None = None,
) -> Trained:
    """Train both towers, and mix the weights with the earlier ones if `fine_tune` asks for that.

    Args:
        config: the trainer's.
        spec: parsing spec of the transformed records.
        train_files: of the train split.
        eval_files: of the split whose recall is drawn as curves.
        cluster: the workers, and which one this is.
        strategy: as `create_strategy` makes it.
        curves: folder for TensorBoard.
        checkpoints: folder of the checkpoints of all runs, the same at every attempt; None: none.
        holdout: share of the keys that is not trained on, and of `eval_files` the only one that is
            measured; 0: all records of both are used. A search's trials set it, on one machine;
            their weights are not mixed.
        exports: folder that the models will be exported to; None: they will not be.
        retained: data sets that a mix of weights should keep to; None: there are none.

    Raises:
        InputError: the train split holds less than one batch, the batch is not a multiple of the
            devices, the run does not fit into memory, its warm-up is not shorter than it, a
            checkpoint cannot be written, or training goes wrong.
        UnavailableError: what will be written does not fit on its disks.
        PreemptedError: SIGTERM came; a checkpoint was written.
    """
    folder = None
    if checkpoints is not None and config.training.checkpoint_steps:
        folder = checkpoint_folder(config, train_files, checkpoints)
    measured_precision = config.training.precision == "auto"
    if measured_precision:  # what is served, too, whichever type is faster here
        config = precision.with_precision(config, "float32")
    training = config.training
    mixes = config.fine_tune if not holdout else None
    share = holdout if mixes is None else mixes.holdout
    data = RunData(config, spec, train_files, cluster, share)
    steps = schedule.steps_of(training, data.records)
    model = _build_model(config, steps, cluster, strategy)
    data.compute_features(model, curves if is_local(curves) else None)
    replicas = strategy.num_replicas_in_sync

    def batches(first: int) -> tf.data.Dataset:
        return data.batches(first, replicas)

    if measured_precision and replicas == 1:
        model = precision.faster_networks(
            model,
            lambda other: _build_model(other, steps, cluster, strategy),
            lambda: next(iter(batches(0))),
            steps,
            folder,
        )
    if training.start == "correlated":
        assert data.cached is not None
        correlated_heads.start_heads(model, data.cached, cluster.workers)
    for warning in config.warnings():
        LOGGER.warning(warning)
    kept = None
    if folder is not None and checkpoints is not None:
        kept = Checkpoints(folder, model.changing, cluster.is_chief)
        if cluster.is_chief:
            remove_stale_runs(checkpoints)
    if cluster.is_chief:
        disk.require(disk_needs(model, kept, exports))
    progress = ProgressReporter(steps, training.batch_size)
    learned = data.trained_sample()
    held_out = data.sample(eval_files, input_pipeline.held_out_keys(holdout) if holdout else None)
    copy = ServingCopy(model, learned.pixels if learned is not None else None, config)
    before = [] if mixes is None else copy.current(averaged=False)
    monitor = Monitor(
        copy,
        progress,
        steps,
        steps // training.epochs,
        held_out,
        posixpath.join(curves, "train") if cluster.is_chief else None,
    )
    with Preemption() as preemption:
        run = loop.Run(model, strategy, batches, steps, kept, monitor.step, preemption)
        loop.run_steps(run, config)
    served, mixing = copy.update(), None
    if mixes is not None:
        mixing = _mix(config, copy, before, data, retained or Retained({}, ()))
    remarks = [] if mixing is None or mixing.remark is None else [mixing.remark]
    if learned is not None and held_out is not None:
        remark = health.overfitting_remark(copy, learned, held_out)
        remarks += [] if remark is None else [remark]
    for remark in remarks:
        LOGGER.warning(remark)
    return Trained(served, tuple(remarks), mixing)


def _mix(
    config: TrainerConfig,
    copy: ServingCopy,
    before: Sequence[np.ndarray],
    data: RunData,
    retained: Retained,
) -> Mixing:
    """Mix the weights before and after; the copy is left with the chosen ones.

    Raises:
        InputError: there are no records to choose by.
    """

    def read(files: Sequence[str], keep: input_pipeline.Keep | None = None) -> Sample:
        sample = data.sample(files, keep, weight_mixing.RECORDS)
        if sample is None:
            raise InputError(
                "fine_tune.holdout leaves no record to choose a mix by: give a larger share of the "
                "train split"
            )
        return sample

    assert config.fine_tune is not None
    held_out = read(data.files, input_pipeline.held_out_keys(config.fine_tune.holdout))
    samples = {name: read(files) for name, files in retained.files.items()}
    ratios = config.fine_tune.ratios
    return weight_mixing.mix(copy, before, ratios, held_out, samples, retained.limits)


def _build_model(
    config: TrainerConfig, steps: int, cluster: Cluster, strategy: tf.distribute.Strategy
) -> TrainableDualEncoder:
    """Build and compile the networks with their initial weights, if the run can hold them."""
    records_per_replica(config.training.batch_size, strategy.num_replicas_in_sync)
    local_replicas = strategy.num_replicas_in_sync // cluster.workers
    on_cpu = not tf.config.list_logical_devices("GPU")
    machine_memory.check(config, local_replicas, on_cpu, cluster.workers)
    with strategy.scope():
        model = TrainableDualEncoder(config)
    initial_weights.load(model)
    with strategy.scope():
        model.add_adapters()
        model.compile(optimizer=optimizer.build(config.training, steps, model.rates))
        model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_folder(config: TrainerConfig, files: Sequence[str], checkpoints: str) -> str:
    """Return the folder of a run's checkpoints, named after everything that decides what it learns.

    It stays until the caller removes it: before the model is written, only the checkpoints hold
    what was learned.
    """
    return posixpath.join(checkpoints, run_fingerprint(config, files))
