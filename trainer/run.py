"""`run_fn`, which TFX's Trainer calls."""

import logging
import os
import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the transform graph
import tensorflow_transform as tft

from trainer.config.overrides import decoded, in_words, with_values
from trainer.config.trainer import TrainerConfig
from trainer.export import initial_weights
from trainer.export.artifact import write_artifact
from trainer.training import train
from trainer.training.checkpoints import Checkpoints
from trainer.training.data import input_pipeline
from trainer.training.distribution.strategy import create_strategy, wait_for_all
from trainer.training.distribution.tf_config import read_cluster
from trainer.training.fine_tuning import mixing_curve, weight_mixing
from trainer.training.fine_tuning.mixing_curve import Retained
from trainer.training.performance.cpu import keep_freed_memory

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

LOGGER = logging.getLogger(__name__)


def run_fn(fn_args: "FnArgs") -> None:
    """Train both towers on the transformed train split and write the Trainer's artifact.

    It holds three SavedModels and golden outputs, by which the serving check can tell whether the
    export still is the trained model. Where TF_CONFIG names several workers, each calls this, all
    train together and the chief writes.

    Args:
        fn_args: `custom_config` holds 'config', canonical JSON of a `TrainerConfig`, and
            'checkpoints', the folder for them or None. 'retained' names the splits of retained
            data sets among the evaluated ones, with the limits on them; left out, there are none.
            `hyperparameters` holds a Tuner's best values, which replace those of the config, or is
            None.

    Raises:
        InputError: the train split holds less than one batch, the evaluated split no record, the
            loss is not finite, TF_CONFIG cannot be used, or the config refuses the Tuner's values.
    """
    cluster = read_cluster(os.environ)
    params = fn_args.custom_config
    config = TrainerConfig.model_validate_json(params["config"])
    tuned = decoded(fn_args.hyperparameters["values"]) if fn_args.hyperparameters else {}
    if tuned:
        config = with_values(config, tuned)
        LOGGER.info("training with the best values of the Tuner: %s", in_words(tuned))
    strategy = create_strategy(cluster, config.training.devices)
    keep_freed_memory()
    keras.utils.set_random_seed(config.training.seed)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    spec = transform.transformed_feature_spec()
    train_files = sorted(tf.io.gfile.glob(fn_args.train_files))
    retained, evaluated_files = _retained(params.get("retained", {}), fn_args.eval_files)
    eval_files = sorted(tf.io.gfile.glob(evaluated_files))
    artifact = posixpath.dirname(fn_args.serving_model_dir)
    checkpoints = params.get("checkpoints")
    initial_weights.check_vocabulary(config, transform.vocabulary_file_by_name("vocabulary"))
    trained = train.train_towers(
        config,
        spec,
        train_files,
        eval_files,
        cluster,
        strategy,
        fn_args.model_run_dir,
        checkpoints,
        exports=artifact,
        retained=retained,
    )
    if cluster.is_chief:
        evaluated = input_pipeline.examples(eval_files, spec, config)
        write_artifact(artifact, trained.model, transform, evaluated, tuned, trained.remarks)
        if trained.mixing is not None:
            weight_mixing.write(trained.mixing, artifact)
    if cluster.workers > 1:
        wait_for_all(strategy)  # TFX looks for the model when this returns
    if cluster.is_chief and checkpoints is not None:
        # Not before: a run that is killed while it writes the model must not train anew.
        folder = train.checkpoint_folder(config, train_files, checkpoints)
        Checkpoints(folder, []).remove()


def _retained(params: Mapping[str, Any], patterns: Sequence[str]) -> tuple[Retained, list[str]]:
    """Separate the files of retained data sets from those of the evaluated split.

    Args:
        params: 'splits', the names of the retained ones, and 'limits', fields of `Limit`.
        patterns: of the files, each in the folder that TFX gives a split.

    Returns:
        The retained data sets, and the other patterns.
    """
    files: dict[str, list[str]] = {}
    others = []
    names = {f"Split-{name}": name for name in params.get("splits", ())}
    for pattern in patterns:
        name = names.get(posixpath.basename(posixpath.dirname(pattern)))
        if name is None:
            others.append(pattern)
        else:
            files[name] = sorted(tf.io.gfile.glob(pattern))
    limits = [mixing_curve.Limit(**fields) for fields in params.get("limits", ())]
    known = weight_mixing.measured_metrics()
    return Retained(files, tuple(each for each in limits if each.metric in known)), others
