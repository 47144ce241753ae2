"""`tuner_fn`, which TFX's Tuner calls.

Not in the file of `run_fn`, whose imports decide when the Trainer's cached result is out of date:
an edit of the search must not retrain.
"""

import os
import posixpath
from typing import TYPE_CHECKING

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the transform graph
import tensorflow_transform as tft

from schema.errors import InputError
from trainer.config.trainer import TrainerConfig
from trainer.config.tuning import TuneConfig
from trainer.export import initial_weights
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import VARIABLE, Cluster, read_cluster
from trainer.training.performance.cpu import keep_freed_memory
from trainer.tuning.trials import Trials
from trainer.tuning.tuner import Search

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs
    from tfx.components.tuner.component import TunerFnResult


def tuner_fn(fn_args: "FnArgs") -> "TunerFnResult":
    """Prepare a search over the transformed train split; TFX's Tuner runs it.

    Args:
        fn_args: `custom_config` holds 'config', canonical JSON of a `TrainerConfig`; 'tune',
            canonical JSON of a `TuneConfig`; and 'trials', the folder of outcomes that a later
            attempt reads, or None: nothing is kept.

    Raises:
        InputError: no record is held out, TF_CONFIG names several workers, or the text tower is to
            start from one with another vocabulary.
    """
    from tfx.components.tuner.component import TunerFnResult

    if read_cluster(os.environ).workers > 1:
        raise InputError(f"the Tuner trains on one machine, but {VARIABLE} names several workers")
    params = fn_args.custom_config
    config = TrainerConfig.model_validate_json(params["config"])
    tune = TuneConfig.model_validate_json(params["tune"])
    keep_freed_memory()
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    initial_weights.check_vocabulary(config, transform.vocabulary_file_by_name("vocabulary"))
    trials = Trials(
        config,
        tune,
        transform.transformed_feature_spec(),
        sorted(tf.io.gfile.glob(fn_args.train_files)),
        create_strategy(Cluster(), config.training.devices),
        params["trials"] or posixpath.join(fn_args.working_dir, "trials"),
    )
    scratch = posixpath.join(fn_args.working_dir, "oracle")
    return TunerFnResult(Search(tune, config, trials.outcome, scratch), {"verbose": 0})
