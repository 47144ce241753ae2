"""An export in half precision is the trained model, and a changed weight is found in both."""

import dataclasses
from pathlib import Path

import keras
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.serving_check import calls, numerical_checks
from components.serving_check.config import ServingCheckConfig
from components.serving_check.inputs import golden_records
from schema import serving_names
from tests.support.serving_check import Original, observed
from tests.support.small_run import SmallRun
from trainer.config.training import Precision
from trainer.export import golden_outputs, saved_models
from trainer.models.dual_encoder import DualEncoder
from trainer.training.data import input_pipeline

EMBED = (serving_names.EMBED_IMAGE, serving_names.EMBED_TEXT)


def test_the_limit_follows_the_precision():
    settings = ServingCheckConfig()
    assert settings.suited("float32") == settings
    assert settings.suited("bfloat16").agreement == 0.0078125  # 2^-7
    wide = ServingCheckConfig(agreement=0.1)
    assert wide.suited("bfloat16") == wide


@pytest.fixture(params=["float32", "bfloat16"])
def precision(request) -> Precision:
    return request.param


def test_a_changed_weight_is_found(small_run: SmallRun, tmp_path: Path, precision: Precision):
    config = small_run.config.for_trainer()
    training = config.training.model_copy(update={"precision": precision})
    config = config.model_copy(update={"training": training})
    keras.utils.set_random_seed(5)
    model = DualEncoder(config)
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    [transformed] = small_run.outputs["Transform"]["transformed_examples"]
    spec = tft.TFTransformOutput(graph.uri).transformed_feature_spec()
    files = sorted(map(str, Path(transformed.uri, "Split-eval").iterdir()))
    left = golden_outputs.embed(model, input_pipeline.examples(files, spec, config))
    before = small_run.served
    saved_models.export(
        saved_models.Served(model, before._transform, before._raw_spec), str(tmp_path)
    )

    loaded = tf.saved_model.load(str(tmp_path / serving_names.FOLDERS[serving_names.JOINT]))
    golden = golden_records.find_records(left, Original.of(small_run).files)
    assert len(golden.images) == golden_outputs.RECORDS
    inputs = {serving_names.EMBED_IMAGE: golden.images, serving_names.EMBED_TEXT: golden.texts}
    right = calls.expected(golden)

    def agrees(signature: str) -> bool:
        [name] = loaded.signatures[signature].structured_input_signature[1]
        given = loaded.signatures[signature](**{name: tf.constant(inputs[signature])})
        key = calls.key(serving_names.JOINT, signature)
        answers = {key: {output: value.numpy() for output, value in given.items()}}
        limits = ServingCheckConfig().suited(left[golden_outputs.PRECISION].item())
        return numerical_checks.agreement(
            dataclasses.replace(observed(), answers=answers), {key: right[key]}, limits
        ).passed

    assert [agrees(signature) for signature in EMBED] == [True, True]
    for signature in EMBED:
        dim = config.model.embedding_dim
        found = loaded.signatures[signature].variables
        [kernel] = [each for each in found if each.shape.rank == 2 and each.shape[1] == dim]
        # One component of each embedding, of about 1/sqrt(32), becomes larger by a quarter.
        kernel.assign(kernel * (1 + 0.25 * tf.one_hot(3, dim)))
    assert [agrees(signature) for signature in EMBED] == [False, False]
