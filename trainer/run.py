"""`run_fn`: what TFX calls to train."""

import os

import keras
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the transform graph
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.errors import InputError
from schema.served import PROBE
from trainer import data, export, optimizer, probe
from trainer.config import TrainerConfig
from trainer.memory import keep_freed_memory
from trainer.model import DualEncoder
from trainer.watch import Watch


def run_fn(fn_args: FnArgs) -> None:
    """Train both towers on the transformed train split and export what is served.

    Three SavedModels are written, and beside them what the networks in memory embed, so that the
    serving check can tell whether the export still is the trained model.

    Args:
        fn_args: `custom_config` holds {'config': canonical JSON of a `TrainerConfig`}.

    Raises:
        InputError: the train split holds less than one batch, the evaluated split no record, or
            the loss is no longer a number.
    """
    config = TrainerConfig.model_validate_json(fn_args.custom_config["config"])
    keep_freed_memory()
    keras.utils.set_random_seed(config.training.seed)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    files = sorted(tf.io.gfile.glob(fn_args.train_files))
    spec = transform.transformed_feature_spec()
    records = data.count_records(files)
    steps_per_epoch = records // config.training.batch_size
    if steps_per_epoch == 0:
        raise InputError(
            f"training.batch_size = {config.training.batch_size} is more than the {records} "
            "records of the train split"
        )
    model = DualEncoder(config)
    steps = steps_per_epoch * config.training.epochs
    model.compile(optimizer=optimizer.build(config.training, steps))
    model.fit(
        data.training_batches(files, spec, config, records),
        epochs=config.training.epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=[
            Watch(steps, config.training.batch_size),
            keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False),
        ],
        shuffle=False,  # the dataset has done it
        verbose=0,
    )
    served = export.Served(
        model, transform.transform_features_layer(), transform.raw_feature_spec()
    )
    artifact = os.path.dirname(fn_args.serving_model_dir)
    export.export(served, artifact)
    held_out = sorted(tf.io.gfile.glob(fn_args.eval_files))
    probe.write(probe.embed(model, held_out, spec, config), os.path.join(artifact, PROBE))
