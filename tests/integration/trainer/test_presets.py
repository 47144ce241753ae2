"""Presets of KerasHub: a folder with weights and a config, as image and as text towers."""

import json

import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from schema.errors import InputError
from tests.support.pretrained import BERT, VIT, pixels, projected, scaled
from tests.support.training import config
from trainer.export import initial_weights
from trainer.models.dual_encoder import DualEncoder

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def preset_towers(folder, image_size: int = 8) -> dict:
    """Presets of a tiny ViT and a tiny BERT, as towers of a config."""
    vit = keras_hub.models.ViTBackbone(image_shape=(image_size, image_size, 3), **VIT)
    vit.save_to_preset(str(folder / "vit"))
    converter = {"scale": [0.01, 0.02, 0.03], "offset": [-1.0, -2.0, -3.0]}
    (folder / "vit" / "image_converter.json").write_text(json.dumps({"config": converter}))
    bert = keras_hub.models.BertBackbone(vocabulary_size=50, max_sequence_length=8, **BERT)
    bert.save_to_preset(str(folder / "bert"))
    return {
        "image_tower": {"kind": "keras_hub", "preset": str(folder / "vit")},
        "text_tower": {"kind": "keras_hub", "preset": str(folder / "bert")},
        "embedding_dim": 6,
    }


def test_presets_bring_their_weights_and_their_scale_of_pixels(tmp_path):
    model = DualEncoder(config(model=preset_towers(tmp_path)))
    initial_weights.load(model)
    given = pixels(8)
    vit = keras_hub.models.Backbone.from_preset(str(tmp_path / "vit"))
    asked = given * np.array([0.01, 0.02, 0.03], np.float32) - np.array([1, 2, 3], np.float32)
    expected = projected(model.image_tower, vit(asked).numpy()[:, 0])
    np.testing.assert_allclose(model.image_tower(scaled(given)), expected, atol=1e-4)
    bert = keras_hub.models.Backbone.from_preset(str(tmp_path / "bert"))
    tokens = tf.constant([[3, 4, 0, 0]])
    inputs = {"token_ids": tokens, "padding_mask": tf.cast(tokens != 0, tf.int32)}
    made = bert({**inputs, "segment_ids": tf.zeros_like(tokens)})["sequence_output"].numpy()
    expected = projected(model.text_tower, made[:, :2].mean(1))
    np.testing.assert_allclose(model.text_tower(tf.cast(tokens, tf.int64)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"image": {"size": 16}}, "image.size = 16, but model.image_tower.preset = .*vit is for "),
        ({"text": {"vocabulary_size": 51}}, "text.vocabulary_size = 51, but .* knows 50 tokens"),
        ({"text": {"max_tokens": 9}}, "text.max_tokens = 9, but .* has 8 places"),
    ],
)
def test_a_preset_that_does_not_suit(tmp_path, sections, sentence):
    settings = config(model=preset_towers(tmp_path), **sections)
    with pytest.raises(InputError, match=sentence):
        DualEncoder(settings)


def refusal(**tower) -> str:
    key = "text_tower" if tower.pop("text", False) else "image_tower"
    with pytest.raises(InputError) as caught:
        DualEncoder(config(model={key: {"kind": "keras_hub", **tower}}))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_presets_that_are_not_there_and_backbones_that_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    found = refusal(text=True, preset="bert_tiny_en_uncased")
    place = f"{tmp_path}/models/keras/bert/keras/bert_tiny_en_uncased"
    start_ = "model.text_tower.preset = bert_tiny_en_uncased: nothing is downloaded; put its files"
    assert found.startswith(f"{start_} into {place}/")
    assert refusal(preset="bert_none") == (
        "model.image_tower.preset = bert_none is none of KerasHub's presets; a folder is written "
        "with a slash"
    )
    assert refusal(preset=f"{tmp_path}/no") == (
        f"model.image_tower.preset = {tmp_path}/no is not a preset of KerasHub: no config.json in "
        "it"
    )
    assert refusal(name="ViTBackbone", arguments={"patch": 8}).startswith(
        "model.image_tower.name = ViTBackbone cannot be built: "
    )
    preset_towers(tmp_path)
    assert refusal(preset=f"{tmp_path}/bert").endswith(
        "is a BertBackbone, which cannot be this tower"
    )
