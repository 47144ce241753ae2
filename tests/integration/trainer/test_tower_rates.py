"""Towers that learn at a rate of their own: what one step does to each weight."""

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.support.training import SPEC, VOCABULARY, config, write_records
from trainer.config.trainer import TrainerConfig
from trainer.export import initial_weights
from trainer.towers.layers import BACKBONE
from trainer.training.data import input_pipeline
from trainer.training.optimization import optimizer
from trainer.training.step import TrainableDualEncoder

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
CONVNET = {"kind": "convnet", "widths": [4, 8], "dropout": 0.2}
BAG = {"kind": "bag", "width": 8, "dropout": 0.2}


def moves(settings: TrainerConfig, batch: dict, xla: bool = False) -> list[np.ndarray]:
    """What one step does to each weight."""
    keras.utils.set_random_seed(7)
    model = TrainableDualEncoder(settings)
    initial_weights.load(model)
    model.compile(optimizer=optimizer.build(settings.training, 100, model.rates))
    before = [w.numpy() for w in model.trainable_variables]
    tf.function(model.train_step, jit_compile=xla)(batch)
    after = zip(model.trainable_variables, before, strict=True)
    return [w.numpy() - b for w, b in after]


@pytest.mark.parametrize("xla", [False, True])
def test_a_tower_with_a_rate_moves_by_that_share(tmp_path, xla):
    training = {"warmup_steps": 0, "weight_decay": 0.5, "clip_norm": 1.0, "learning_rate": 0.01}
    towers = {"image_tower": CONVNET, "text_tower": BAG}
    whole = config(model=towers, training=training)
    part = config(model={**towers, "image_tower": {**CONVNET, "rate": 0.1}}, training=training)
    records = write_records(tmp_path, 48)
    batch = next(iter(input_pipeline.training_batches(records, SPEC, whole, 48, 12)))
    expected, found = moves(whole, batch, xla), moves(part, batch, xla)
    images = len(TrainableDualEncoder(part).image_tower.trainable_variables)
    assert 0 < images < len(expected)
    # Kernels decay too, by the same share. The moves of weights near 1 are exact to 1e-7.
    for number, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        share = 0.1 if number < images else 1.0
        np.testing.assert_allclose(mine, share * theirs, atol=3e-7, rtol=1e-3)
        assert np.abs(theirs).max() > 1e-3


def test_of_a_preset_with_a_rate_the_new_projection_learns_at_the_whole_rate(tmp_path):
    bert = keras_hub.models.BertBackbone(
        vocabulary_size=VOCABULARY,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        max_sequence_length=8,
    )
    bert.save_to_preset(str(tmp_path / "bert"))
    tower = {"kind": "keras_hub", "preset": str(tmp_path / "bert"), "rate": 0.1}
    model = TrainableDualEncoder(config(model={"text_tower": tower}))
    rates = dict(zip((id(w) for w in model.trainable_variables), model.rates, strict=True))
    backbone = model.text_tower.get_layer(BACKBONE).trainable_variables
    assert {rates[id(w)] for w in backbone} == {0.1}
    others = {id(w) for w in model.trainable_variables} - {id(w) for w in backbone}
    assert {rates[each] for each in others} == {1.0}
    # With a release to start from the projection is as old as the rest.
    old = config(model={"text_tower": {**tower, "weights": "release:release"}})
    model = TrainableDualEncoder(old)
    rates = dict(zip((id(w) for w in model.trainable_variables), model.rates, strict=True))
    assert {rates[id(w)] for w in model.text_tower.trainable_variables} == {0.1}
