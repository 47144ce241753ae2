"""Towers of which a part learns, with the weights that they start with."""

from pathlib import Path

import keras
import keras_hub

from tests.support.training import SIZE, TOKENS, VOCABULARY, config
from trainer.export import initial_weights
from trainer.training.step import TrainableDualEncoder

HEAD = {"hidden": 10, "dropout": 0.3}


def save_presets(folder: Path) -> dict[str, dict]:
    """Save both towers with a backbone of KerasHub, that for images with batch normalisation."""
    keras.utils.set_random_seed(3)
    dense = keras_hub.models.DenseNetBackbone([1, 1], image_shape=(SIZE, SIZE, 3))
    bert = keras_hub.models.BertBackbone(VOCABULARY, 2, 2, 8, 8, max_sequence_length=TOKENS)
    towers = {}
    for name, backbone in (("image_tower", dense), ("text_tower", bert)):
        backbone.save_to_preset(str(folder / name))
        towers[name] = {"kind": "keras_hub", "preset": str(folder / name)}
    return towers


def with_keys(towers: dict[str, dict], **keys) -> dict[str, dict]:
    """Return both sections with some keys replaced."""
    return {name: {**tower, **keys} for name, tower in towers.items()}


def started(model: dict, **sections) -> TrainableDualEncoder:
    """Networks with the weights to start with, as a run makes them."""
    made = TrainableDualEncoder(config(model=model, **sections))
    initial_weights.load(made)
    made.add_adapters()
    return made
