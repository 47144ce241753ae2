"""`run_fn` and `tuner_fn`: what TFX calls to train, and to search for better values before."""

import json
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the transform graph
import tensorflow_transform as tft

from schema.errors import InputError
from schema.serving_names import PROBE, REMARKS, TRAINED_WITH
from trainer.config.overrides import Values, decoded, in_words, with_values
from trainer.config.trainer import TrainerConfig
from trainer.config.tuning import TuneConfig
from trainer.export import golden_outputs, initial_weights, saved_models
from trainer.models.dual_encoder import DualEncoder
from trainer.training import train
from trainer.training.checkpoints import Checkpoints
from trainer.training.distribution import strategy as devices
from trainer.training.distribution.tf_config import VARIABLE, Cluster, read
from trainer.training.performance.malloc import keep_freed_memory

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs
    from tfx.components.tuner.component import TunerFnResult

LOGGER = logging.getLogger(__name__)


def run_fn(fn_args: "FnArgs") -> None:
    """Train both towers on the transformed train split and export what is served.

    Three SavedModels are written, and beside them what the networks in memory embed, so that the
    serving check can tell whether the export still is the trained model. Where TF_CONFIG names
    several workers, each calls this, all train together and the chief writes.

    Args:
        fn_args: `custom_config` holds 'config', canonical JSON of a `TrainerConfig`, and if
            checkpoints are wanted the folder of 'checkpoints'; `hyperparameters` the best values
            of a Tuner, if there is one, which stand over those of the config.

    Raises:
        InputError: the train split holds less than one batch, the evaluated split no record, the
            loss is no longer a number, TF_CONFIG cannot be used, or the config refuses the values.
    """
    cluster = read(os.environ)
    told = fn_args.custom_config
    config = TrainerConfig.model_validate_json(told["config"])
    found = decoded(fn_args.hyperparameters["values"]) if fn_args.hyperparameters else {}
    if found:
        config = with_values(config, found)
        LOGGER.info("training with what the Tuner found best: %s", in_words(found))
    strategy = devices.strategy(cluster, config.training.devices)
    keep_freed_memory()
    keras.utils.set_random_seed(config.training.seed)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    files = sorted(tf.io.gfile.glob(fn_args.train_files))
    checkpoints = told.get("checkpoints")
    initial_weights.check_vocabulary(config, transform.vocabulary_file_by_name("vocabulary"))
    trained = train.train(
        config,
        transform.transformed_feature_spec(),
        files,
        sorted(tf.io.gfile.glob(fn_args.eval_files)),
        cluster,
        strategy,
        fn_args.model_run_dir,
        checkpoints,
        exports=os.path.dirname(fn_args.serving_model_dir),
    )
    if cluster.is_chief:
        _write(fn_args, config, trained.model, transform)
        _write_values(fn_args, TRAINED_WITH, found)
        _write_values(fn_args, REMARKS, trained.remarks)
    if cluster.workers > 1:
        devices.wait_for_all(strategy)  # TFX looks for the model when this returns
    if cluster.is_chief and checkpoints is not None:
        # Not before: a run that is killed while it writes the model must not learn anew.
        Checkpoints(train.checkpoints_of(config, files, checkpoints), []).remove()


def _write(
    fn_args: "FnArgs", config: TrainerConfig, model: DualEncoder, transform: tft.TFTransformOutput
) -> None:
    served = saved_models.Served(
        model, transform.transform_features_layer(), transform.raw_feature_spec()
    )
    artifact = os.path.dirname(fn_args.serving_model_dir)
    saved_models.export(served, artifact)
    held_out = sorted(tf.io.gfile.glob(fn_args.eval_files))
    spec = transform.transformed_feature_spec()
    golden_outputs.write(
        golden_outputs.embed(model, held_out, spec, config), os.path.join(artifact, PROBE)
    )


def _write_values(fn_args: "FnArgs", name: str, found: Values | Sequence[str]) -> None:
    """Leave what the config does not say beside the models, for the release or a person."""
    if found:
        path = os.path.join(os.path.dirname(fn_args.serving_model_dir), name)
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(json.dumps(found))


def tuner_fn(fn_args: "FnArgs") -> "TunerFnResult":
    """Prepare a search over the transformed train split; TFX's Tuner runs it.

    Args:
        fn_args: `custom_config` holds 'config' as that of `run_fn` does, 'tune', canonical JSON of
            a `TuneConfig`, and 'trials', the folder of what is known of earlier attempts; None:
            nothing is kept.

    Raises:
        InputError: no record is held out, TF_CONFIG names several workers, or the text tower is to
            start from one with other word pieces.
    """
    from tfx.components.tuner.component import TunerFnResult

    from trainer.tuning.trials import Trials
    from trainer.tuning.tuner import Search

    if read(os.environ).workers > 1:
        raise InputError(f"the Tuner trains on one machine, and {VARIABLE} names several workers")
    told = fn_args.custom_config
    config = TrainerConfig.model_validate_json(told["config"])
    tune = TuneConfig.model_validate_json(told["tune"])
    keep_freed_memory()
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    initial_weights.check_vocabulary(config, transform.vocabulary_file_by_name("vocabulary"))
    trials = Trials(
        config,
        tune,
        transform.transformed_feature_spec(),
        sorted(tf.io.gfile.glob(fn_args.train_files)),
        devices.strategy(Cluster(), config.training.devices),
        told["trials"] or os.path.join(fn_args.working_dir, "trials"),
    )
    search = Search(tune, config, trials.outcome, os.path.join(fn_args.working_dir, "oracle"))
    return TunerFnResult(search, {"verbose": 0})
