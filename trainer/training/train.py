"""Train both towers: from transformed files to networks to serve, on any devices and workers."""

import dataclasses
import logging
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from schema.system import disk
from schema.system.disk import Need
from trainer.config import machine_memory
from trainer.config.trainer import TrainerConfig
from trainer.export import initial_weights
from trainer.export.digests import run_fingerprint
from trainer.training import correlated_heads, input_pipeline, loop, optimizer, schedule
from trainer.training.cached_features import Featurizer
from trainer.training.checkpoints import Checkpoints, remove_stale_runs
from trainer.training.distribution.strategy import records_per_replica
from trainer.training.distribution.tf_config import Cluster
from trainer.training.monitoring import health, retrieval_sample
from trainer.training.monitoring.monitor import Monitor
from trainer.training.monitoring.progress import ProgressReporter
from trainer.training.preemption import Preemption
from trainer.training.serving_weights import ServingCopy
from trainer.training.step import TrainableDualEncoder

LOGGER = logging.getLogger(__name__)
# Graphs, vocabularies, curves and reports: measured 3 MB of the smallest networks, twice that as a
# release with its index.
BESIDE_WEIGHTS = 20_000_000  # bytes
COPIES_OF_WEIGHTS = 2  # the joint model holds both towers, and each is exported alone too


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a training run.

    Attributes:
        model: the networks to serve, the same on every worker, outside of the strategy.
        remarks: sentences that the user should read.
    """

    model: TrainableDualEncoder
    remarks: tuple[str, ...]


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
) -> Trained:
    """Train both towers.

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
            measured; 0: all records of both are used. A search's trials set it, on one machine.
        exports: folder that the models will be exported to; None: they will not be.

    Raises:
        InputError: the train split holds less than one batch, the batch is not a multiple of the
            devices, the run does not fit into memory, its warm-up is not shorter than it, a
            checkpoint cannot be written, or training goes wrong.
        UnavailableError: what will be written does not fit on its disks.
        PreemptedError: SIGTERM came; a checkpoint was written.
    """
    training = config.training
    keep = input_pipeline.training_keys(holdout) if holdout else None
    records = input_pipeline.count_records(train_files, keep)
    steps = schedule.steps_of(training, records)
    model = _build_model(config, steps, cluster, strategy)
    mine = len(range(cluster.index, records, cluster.workers))
    featurizer = Featurizer(model, curves if _is_local(curves) else None)
    cached = None
    if featurizer.is_needed:
        cached = featurizer.of_records(train_files, spec, mine, cluster, keep)
        if training.start == "correlated":
            correlated_heads.start_heads(model, cached, cluster.workers)

    def batches(first: int) -> tf.data.Dataset:
        per_worker = training.batch_size // cluster.workers
        per_replica = training.batch_size // strategy.num_replicas_in_sync
        dataset = input_pipeline.training_batches(
            train_files, spec, config, mine, per_worker, cluster, first, keep, cached
        )
        return dataset if per_replica == per_worker else dataset.rebatch(per_replica)

    for warning in config.warnings():
        LOGGER.warning(warning)
    kept = None
    if checkpoints is not None and training.checkpoint_steps:
        folder = checkpoint_folder(config, train_files, checkpoints)
        kept = Checkpoints(folder, model.changing, cluster.is_chief)
        if cluster.is_chief:
            remove_stale_runs(checkpoints)
    if cluster.is_chief:
        disk.require(disk_needs(model, kept, exports))
    progress = ProgressReporter(steps, training.batch_size)
    learned = retrieval_sample.read_sample(train_files, spec, config, keep)
    measured = input_pipeline.held_out_keys(holdout) if holdout else None
    held_out = retrieval_sample.read_sample(eval_files, spec, config, measured)
    if featurizer.is_needed and learned is not None:
        learned = featurizer.of_sample(learned, cached if cluster.workers == 1 else None)
    if featurizer.is_needed and held_out is not None:
        held_out = featurizer.of_sample(held_out)
    copy = ServingCopy(model, learned.pixels if learned is not None else None)
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
    served = copy.update()
    remark = None
    if learned is not None and held_out is not None:
        remark = health.overfitting_remark(copy, learned, held_out)
    if remark is not None:
        LOGGER.warning(remark)
    return Trained(served, () if remark is None else (remark,))


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


def disk_needs(
    model: TrainableDualEncoder, checkpoints: Checkpoints | None, exports: str | None
) -> Iterator[Need]:
    """List what a run will write to the disks of this machine.

    It is known as soon as the networks are built, not an hour later. A folder of releases counts if
    `disk.written` noted it, since this node is not given its path.

    Args:
        model: built, with its optimizer.
        checkpoints: of the run; None: it keeps none.
        exports: folder of the exported models; None: none are.
    """
    if checkpoints is not None and _is_local(checkpoints.folder):
        yield Need(Path(checkpoints.folder), checkpoints.still_needed, "checkpoints")
    if exports is None:
        return
    models = COPIES_OF_WEIGHTS * _bytes_of(model.variables) + BESIDE_WEIGHTS
    if _is_local(exports):
        yield Need(Path(exports), models, "the exported models")
    releases = disk.written_folders().get(disk.RELEASES)
    if releases is not None:
        yield Need(releases, models, "the release")


def _bytes_of(variables: Iterable) -> int:
    """Return the size of Keras variables."""
    return sum(
        variable.value.shape.num_elements() * variable.value.dtype.size for variable in variables
    )


def _is_local(folder: str) -> bool:
    return "://" not in folder
