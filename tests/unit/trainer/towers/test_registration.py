"""A loss and a tower of a user's own, registered after the config's classes were made."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import Field, ValidationError

from schema.config.messages import describe_errors
from tests.support.paths import ROOT
from tests.support.training import config
from trainer.config import model_size
from trainer.config.config_paths import named_files
from trainer.config.trainer import TrainerConfig
from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, PairwiseConfig
from trainer.towers.registry import IMAGE_TOWERS, ParameterCount, Tower, TowerConfig
from trainer.training.step import TrainableDualEncoder


class SquaredConfig(PairwiseConfig):
    name: Literal["squared"]
    target: Annotated[float, Field(ge=0, le=1)] = 1.0


def squared(config: SquaredConfig, batch: LossBatch) -> tf.Tensor:
    similarity, label = batch.pairs()
    return tf.reduce_mean(tf.square(similarity - config.target * tf.cast(label, tf.float32)))


class MeanColourConfig(TowerConfig):
    kind: Literal["mean_colour"]
    power: int = 1


def mean_colour(
    config: MeanColourConfig, _size: int, pixels: keras.KerasTensor
) -> keras.KerasTensor:
    return keras.layers.GlobalAveragePooling2D()(pixels) ** config.power


@pytest.fixture(autouse=True)
def entries() -> Iterator[None]:
    list(LOSSES), list(IMAGE_TOWERS)  # the built-in ones register themselves first
    LOSSES.add("squared", Loss(config=SquaredConfig, function=squared))
    tower = Tower(
        config=MeanColourConfig, build=mean_colour, count=lambda *_: ParameterCount({}, 3)
    )
    IMAGE_TOWERS.add("mean_colour", tower)
    yield
    del LOSSES._entries["squared"], IMAGE_TOWERS._entries["mean_colour"]


def mine(**changes) -> TrainerConfig:
    sections = {
        "model": {"image_tower": {"kind": "mean_colour", "power": 2}},
        "loss": {"name": "squared", "target": 0.5, "pairs": "all"},
    }
    return config(**{**sections, **changes})


def test_a_config_travels_with_them():
    settings = mine()
    assert settings.model.image_tower == MeanColourConfig(kind="mean_colour", power=2)
    assert settings.loss == SquaredConfig(name="squared", target=0.5, pairs="all")
    assert TrainerConfig.model_validate_json(settings.model_dump_json()) == settings


def test_they_are_in_the_errors():
    with pytest.raises(ValidationError) as caught:
        config(loss={"name": "squre"})
    [sentence] = describe_errors(caught.value, TrainerConfig)
    assert sentence.startswith("loss.name = 'squre' is none of 'cosine_embedding', 'custom', ")
    assert "'squared'" in sentence
    with pytest.raises(ValidationError) as caught:
        mine(loss={"name": "squared", "target": 2.0})
    [sentence] = describe_errors(caught.value, TrainerConfig)
    assert sentence == "loss.target = 2.0: input should be less than or equal to 1"


def test_their_size_is_counted_and_their_files_are_known():
    settings = mine(model={"image_tower": {"kind": "mean_colour", "weights": "release:releases/3"}})
    assert model_size.parameters(settings)["image_tower"] == (3 + 1) * settings.model.embedding_dim
    assert named_files(settings) == {"model.image_tower.weights": "releases/3"}


def test_they_are_what_is_trained():
    model = TrainableDualEncoder(mine())
    pixels = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)), tf.uint8)
    kernel, bias = model.image_tower.get_weights()
    mean = (pixels.numpy() / 127.5 - 1).mean((1, 2)) ** 2
    expected = mean @ kernel + bias
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(model.embed_images(pixels), expected, atol=1e-5)

    u, v = tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([[0.6, 0.8], [0.8, -0.6]])
    loss = model.joint_loss(u, v, matches=lambda i, j: tf.eye(2, dtype=tf.bool)[i:j], seed=[0, 1])
    # Similarities [[0.6, 0.8], [0.8, -0.6]], targets [[0.5, 0], [0, 0.5]].
    assert loss.numpy() == pytest.approx((0.01 + 0.64 + 0.64 + 1.21) / 4, abs=1e-6)


def test_a_schema_has_them():
    names = json.dumps(TrainerConfig.model_json_schema())
    assert "SquaredConfig" in names
    assert "MeanColourConfig" in names


def test_configs_are_read_without_tensorflow():
    program = """
import sys
from trainer.config.trainer import TrainerConfig
from trainer.losses.registry import LOSSES
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS
TrainerConfig.model_validate_json("{}")
assert len(LOSSES) == 6 and len(IMAGE_TOWERS) == 6 and len(TEXT_TOWERS) == 5
print([name for name in ("tensorflow", "keras", "tfx", "numpy") if name in sys.modules])
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert found.stdout.strip() == "[]"
