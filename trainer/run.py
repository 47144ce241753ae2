"""`run_fn`: what TFX calls to train."""

import os
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the transform graph
import tensorflow_transform as tft

from schema.served import PROBE
from trainer import devices, export, probe, start, training
from trainer.cluster import read
from trainer.config import TrainerConfig
from trainer.memory import keep_freed_memory
from trainer.model import DualEncoder

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs


def run_fn(fn_args: "FnArgs") -> None:
    """Train both towers on the transformed train split and export what is served.

    Three SavedModels are written, and beside them what the networks in memory embed, so that the
    serving check can tell whether the export still is the trained model. Where TF_CONFIG names
    several workers, each calls this, all train together and the chief writes.

    Args:
        fn_args: `custom_config` holds 'config', canonical JSON of a `TrainerConfig`, and if
            checkpoints are wanted the folder of 'checkpoints'.

    Raises:
        InputError: the train split holds less than one batch, the evaluated split no record, the
            loss is no longer a number, or TF_CONFIG cannot be used.
    """
    cluster = read(os.environ)
    told = fn_args.custom_config
    config = TrainerConfig.model_validate_json(told["config"])
    strategy = devices.strategy(cluster, config.training.devices)
    keep_freed_memory()
    keras.utils.set_random_seed(config.training.seed)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    start.check_vocabulary(config, transform.vocabulary_file_by_name("vocabulary"))
    model = training.train(
        config,
        transform.transformed_feature_spec(),
        sorted(tf.io.gfile.glob(fn_args.train_files)),
        sorted(tf.io.gfile.glob(fn_args.eval_files)),
        cluster,
        strategy,
        fn_args.model_run_dir,
        told.get("checkpoints"),
    )
    if cluster.is_chief:
        _write(fn_args, config, model, transform)
    if cluster.workers > 1:
        devices.wait_for_all(strategy)  # TFX looks for the model when this returns


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
