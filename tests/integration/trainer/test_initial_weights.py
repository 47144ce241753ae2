"""Towers that start from a release, and towers that are frozen."""

import json
import shutil

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from schema import features
from schema.errors import InputError
from tests.support.training import (
    SIZE,
    SPEC,
    TOKENS,
    config,
    trained,
    weights,
    write_records,
)
from trainer.config.trainer import TrainerConfig
from trainer.export import initial_weights, saved_models
from trainer.towers.layers import BACKBONE
from trainer.training.data import input_pipeline
from trainer.training.step import TrainableDualEncoder

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
CONVNET = {"kind": "convnet", "widths": [4, 8], "dropout": 0.2}
VIT = {"kind": "vit", "patch": 4, "width": 12, "depth": 2, "heads": 3, "dropout": 0.1}
BAG = {"kind": "bag", "width": 8, "dropout": 0.2}
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8}


class SavedImages(saved_models.Tower):
    @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE, 3], tf.uint8)])
    def __call__(self, pixels):
        return {features.EMBEDDING: self._embed(pixels)}


class SavedTexts(saved_models.Tower):
    @tf.function(input_signature=[tf.TensorSpec([None, TOKENS], tf.int64)])
    def __call__(self, tokens):
        return {features.EMBEDDING: self._embed(tokens)}


def release(folder, model: TrainableDualEncoder):
    """Both towers as a release holds them, but for what stands before them."""
    for name, tower in (
        ("image_tower", SavedImages(model.image_tower, model.embed_images)),
        ("text_tower", SavedTexts(model.text_tower, model.embed_texts)),
    ):
        tf.saved_model.save(tower, str(folder / name / "3"), signatures=tower.__call__)
    return folder


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 48)


@pytest.fixture(scope="module")
def old(tmp_path_factory, records) -> tuple[str, list[np.ndarray], list[np.ndarray]]:
    """A release of trained towers, and their weights."""
    folder = tmp_path_factory.mktemp("release")
    model = trained(config(training={"epochs": 1}), records, folder)
    release(folder / "3", model)
    return str(folder / "3"), of(model.image_tower), of(model.text_tower)


def of(tower: keras.Model) -> list[np.ndarray]:
    """The weights, and not the state of what is drawn at random."""
    return [np.array(w) for w in tower.variables if w.name != "seed_generator_state"]


def same(some: list[np.ndarray], others: list[np.ndarray]) -> list[bool]:
    return [np.array_equal(a, b) for a, b in zip(some, others, strict=True)]


def batch_of(settings: TrainerConfig, records: list[str]) -> dict[str, tf.Tensor]:
    return next(iter(input_pipeline.training_batches(records, SPEC, settings, 48, 12)))


def test_weights_come_from_a_release_or_from_a_tower_in_it(old):
    place, images, texts = old
    settings = config(
        model={
            "image_tower": {**CONVNET, "weights": f"release:{place}/image_tower/3"},
            "text_tower": {**BAG, "weights": f"release:{place}"},
        }
    )
    model = TrainableDualEncoder(settings)
    assert not all(same(of(model.image_tower), images))
    initial_weights.load(model)
    assert all(same(of(model.image_tower), images))
    assert all(same(of(model.text_tower), texts))


@pytest.mark.parametrize(
    "tower",
    [
        {**CONVNET, "widths": [4]},
        {**CONVNET, "widths": [4, 8, 8]},
        {**CONVNET, "widths": [4, 9]},
        {"kind": "conv", "filters": 4},
        VIT,
    ],
)
def test_a_tower_of_another_kind_or_size_is_told(old, tower):
    place, *_ = old
    model = TrainableDualEncoder(
        config(model={"image_tower": {**tower, "weights": f"release:{place}"}})
    )
    with pytest.raises(InputError) as caught:
        initial_weights.load(model)
    message = str(caught.value)
    assert message.startswith(
        f"model.image_tower.weights: {place}/image_tower/3 is not a tower of this kind and size: "
    )
    assert "\n" not in message


def test_the_key_of_the_config_that_decides_another_size_is_named(old, tmp_path):
    place, *_ = old
    shutil.copytree(place, tmp_path / "3")
    theirs = {"kubeflow": None, **config().model_dump(mode="json")}
    (tmp_path / "3" / "config.json").write_text(json.dumps(theirs))
    weights = {"weights": f"release:{tmp_path}/3"}
    wider = {"embedding_dim": 7, "image_tower": {**CONVNET, **weights}}
    # The rate of dropout is no weight.
    narrower = {"image_tower": {**CONVNET, "widths": [4], "dropout": 0.0, **weights}}
    for sections, difference in (
        (wider, "model.embedding_dim is 6 there and 7 here"),
        (narrower, "model.image_tower.widths is [4, 8] there and [4] here"),
    ):
        with pytest.raises(InputError) as caught:
            initial_weights.load(TrainableDualEncoder(config(model=sections)))
        assert str(caught.value) == (
            f"model.image_tower.weights: {tmp_path}/3/image_tower/3 is not a tower of this kind "
            f"and size: {difference}"
        )


def test_a_folder_without_a_tower_is_told(tmp_path):
    model = TrainableDualEncoder(
        config(model={"text_tower": {**BAG, "weights": f"release:{tmp_path}"}})
    )
    with pytest.raises(InputError) as caught:
        initial_weights.load(model)
    assert str(caught.value) == (
        f"model.text_tower.weights = release:{tmp_path} holds 0 SavedModels of a tower; give the "
        "folder of a release, like serving/releases/3, or of a tower in it"
    )


@pytest.mark.parametrize("chunk", [None, 5])
def test_a_frozen_tower_stays_bit_by_bit_and_the_other_learns(old, records, tmp_path, chunk):
    place, images, texts = old
    settings = config(
        model={
            "image_tower": {**CONVNET, "weights": f"release:{place}", "train": "frozen"},
            "text_tower": {**BAG, "weights": f"release:{place}"},
        },
        training={"epochs": 1, "average": 0.5, "chunk_size": chunk},
    )
    model = trained(settings, records, tmp_path)
    # Its batch normalisation keeps its statistics, and its dropout drops nothing.
    assert all(same(of(model.image_tower), images))
    assert not any(same(of(model.text_tower), texts))
    pixels = batch_of(settings, records)[features.PIXELS]
    np.testing.assert_array_equal(
        model.embed_images(pixels, training=True), model.embed_images(pixels)
    )
    assert not any("image_tower" in w.path for w in model.trainable_variables)


def test_of_a_frozen_preset_the_new_projection_learns(records, tmp_path):
    dense = keras_hub.models.DenseNetBackbone([1, 1], image_shape=(SIZE, SIZE, 3))
    dense.save_to_preset(str(tmp_path / "dense"))
    settings = config(
        model={
            "image_tower": {
                "kind": "keras_hub",
                "preset": str(tmp_path / "dense"),
                "train": "frozen",
            }
        },
        training={"epochs": 1, "chunk_size": 5},
    )
    model = trained(settings, records, tmp_path)
    found = of(model.image_tower.get_layer(BACKBONE).network)
    assert any(w.name == "moving_mean" for w in dense.variables)
    assert all(same(found, of(dense)))
    _, bias = model.image_tower.get_layer("projection").get_weights()
    assert np.abs(bias).max() > 0  # it starts at 0
    learning = config(
        model={"image_tower": {"kind": "keras_hub", "preset": str(tmp_path / "dense")}},
        training={"chunk_size": 5},
    )
    with pytest.raises(InputError, match=r"needs an image tower without batch normalisation, whi"):
        TrainableDualEncoder(learning)


def test_library_towers_learn_and_go_through_a_release(records, tmp_path):
    towers = {
        "image_tower": {
            "kind": "keras_hub",
            "name": "ViTBackbone",
            "arguments": {**SMALL, "mlp_dim": 8, "patch_size": 4},
        },
        "text_tower": {
            "kind": "keras_hub",
            "name": "BertBackbone",
            "arguments": {**SMALL, "intermediate_dim": 8},
        },
    }
    settings = config(model=towers, training={"epochs": 4, "learning_rate": 0.03})
    model = trained(settings, records, tmp_path)
    batch = batch_of(settings, records)
    assert float(model.loss_of(batch)) < 0.8 * float(TrainableDualEncoder(settings).loss_of(batch))
    place = str(release(tmp_path / "3", model))
    again = {key: {**tower, "weights": f"release:{place}"} for key, tower in towers.items()}
    other = TrainableDualEncoder(config(model=again))
    initial_weights.load(other)
    np.testing.assert_array_equal(
        other.embed_images(batch[features.PIXELS]), model.embed_images(batch[features.PIXELS])
    )
    np.testing.assert_array_equal(
        other.embed_texts(batch[features.TOKENS]), model.embed_texts(batch[features.TOKENS])
    )
    assert all(np.isfinite(w).all() for w in weights(model))


def test_minilm_goes_through_a_release(tmp_path):
    sizes = {"layers": 1, "width": 8, "heads": 2, "hidden": 12, "positions": 9}
    tower = {"kind": "minilm", "sizes": sizes}
    model = TrainableDualEncoder(config(model={"image_tower": CONVNET, "text_tower": tower}))
    place = str(release(tmp_path / "3", model))
    again = {**tower, "weights": f"release:{place}"}
    other = TrainableDualEncoder(config(model={"image_tower": CONVNET, "text_tower": again}))
    assert not all(same(of(other.text_tower), of(model.text_tower)))
    initial_weights.load(other)
    assert all(same(of(other.text_tower), of(model.text_tower)))
