"""Write the Trainer's artifact: SavedModels, golden outputs, and notes for the release."""

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schema.serving_names import GOLDEN_OUTPUTS, REMARKS, TRAINED_WITH
from trainer.export import golden_outputs, saved_models
from trainer.models.dual_encoder import DualEncoder


def write_artifact(
    folder: str,
    model: DualEncoder,
    transform: tft.TFTransformOutput,
    evaluated: tf.data.Dataset,
    tuned: Mapping[str, Any],
    remarks: Sequence[str],
) -> None:
    """Write everything that the nodes after the Trainer read.

    Args:
        folder: of the artifact, on any file system that TensorFlow writes.
        model: the networks to serve.
        transform: Transform's output.
        evaluated: decoded records of the evaluated split; the first are embedded.
        tuned: values by key that replaced those of the config; written if there are any.
        remarks: sentences for the user; written if there are any.

    Raises:
        InputError: the evaluated split holds no record.
    """
    served = saved_models.Served(
        model, transform.transform_features_layer(), transform.raw_feature_spec()
    )
    saved_models.export(served, folder)
    golden_outputs.write(
        golden_outputs.embed(model, evaluated), posixpath.join(folder, GOLDEN_OUTPUTS)
    )
    for name, notes in ((TRAINED_WITH, tuned), (REMARKS, remarks)):
        if notes:
            with tf.io.gfile.GFile(posixpath.join(folder, name), "w") as file:
                file.write(json.dumps(notes))
