"""`run_fn`: what TFX calls to train."""

import os
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the transform graph
import tensorflow_transform as tft

from schema.errors import InputError
from schema.served import PROBE
from trainer import data, export, optimizer, probe, several_workers
from trainer.cluster import Cluster, read
from trainer.config import TrainerConfig
from trainer.memory import keep_freed_memory
from trainer.model import DualEncoder
from trainer.watch import Watch

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs


def run_fn(fn_args: "FnArgs") -> None:
    """Train both towers on the transformed train split and export what is served.

    Three SavedModels are written, and beside them what the networks in memory embed, so that the
    serving check can tell whether the export still is the trained model. Where TF_CONFIG names
    several workers, each calls this, all train together and the chief writes.

    Args:
        fn_args: `custom_config` holds {'config': canonical JSON of a `TrainerConfig`}.

    Raises:
        InputError: the train split holds less than one batch, the evaluated split no record, the
            loss is no longer a number, or TF_CONFIG cannot be used.
    """
    cluster = read(os.environ)
    strategy = several_workers.connect() if cluster.workers > 1 else None
    config = TrainerConfig.model_validate_json(fn_args.custom_config["config"])
    keep_freed_memory()
    keras.utils.set_random_seed(config.training.seed)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    spec = transform.transformed_feature_spec()
    model = _train(fn_args, config, spec, cluster, strategy)
    if cluster.is_chief:
        _write(fn_args, config, model, transform)
    if strategy is not None:
        several_workers.wait_for_all(strategy)  # TFX looks for the model when this returns


def _train(
    fn_args: "FnArgs",
    config: TrainerConfig,
    spec: data.Spec,
    cluster: Cluster,
    strategy: tf.distribute.Strategy | None,
) -> DualEncoder:
    training = config.training
    files = sorted(tf.io.gfile.glob(fn_args.train_files))
    records = data.count_records(files)
    steps_per_epoch = records // training.batch_size
    if steps_per_epoch == 0:
        raise InputError(
            f"training.batch_size = {training.batch_size} is more than the {records} "
            "records of the train split"
        )
    steps = steps_per_epoch * training.epochs
    callbacks: list[keras.callbacks.Callback] = [Watch(steps, training.batch_size)]
    if cluster.is_chief:
        callbacks.append(keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False))

    def build() -> DualEncoder:
        model = DualEncoder(config)
        model.compile(optimizer=optimizer.build(training, steps))
        return model

    def batches(batch_size: int) -> tf.data.Dataset:
        mine = several_workers.share(records, cluster)
        return data.training_batches(files, spec, config, mine, batch_size, cluster)

    if strategy is not None:
        return several_workers.train(
            strategy, build, batches, config, cluster, steps_per_epoch, callbacks
        )
    model = build()
    model.fit(
        batches(training.batch_size),
        epochs=training.epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=callbacks,
        shuffle=False,  # the dataset has done it
        verbose=0,
    )
    return model


def _write(
    fn_args: "FnArgs", config: TrainerConfig, model: DualEncoder, transform: tft.TFTransformOutput
) -> None:
    served = export.Served(
        model, transform.transform_features_layer(), transform.raw_feature_spec()
    )
    artifact = os.path.dirname(fn_args.serving_model_dir)
    export.export(served, artifact)
    held_out = sorted(tf.io.gfile.glob(fn_args.eval_files))
    spec = transform.transformed_feature_spec()
    probe.write(probe.embed(model, held_out, spec, config), os.path.join(artifact, PROBE))
