"""The small strong text tower: the mean of the token embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from schema.config.section import Dropout, PositiveInt
from trainer.towers.registry import TEXT_TOWERS, ParameterCount, TextSizes, Tower, TowerConfig
from trainer.towers.structure import PLAIN

if TYPE_CHECKING:
    import keras


class BagConfig(TowerConfig):
    """The small strong text tower: the mean of the token embeddings."""

    kind: Literal["bag"]
    """Name of the tower."""
    width: PositiveInt = 256
    """Components of a token embedding."""
    dropout: Dropout = 0.0
    """Share of the tokens that are left out while training."""


def _build(config: BagConfig, text: TextSizes, tokens: keras.KerasTensor) -> keras.KerasTensor:
    import keras
    from keras import ops

    x = keras.layers.Embedding(text.vocabulary_size, config.width)(tokens)
    weights = ops.expand_dims(ops.cast(ops.not_equal(tokens, 0), x.dtype), -1)
    weights = keras.layers.Dropout(config.dropout)(weights)
    # The floor keeps a caption without a token, or with all of them dropped, at the zero vector.
    mean = ops.sum(x * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1e-6)
    return keras.layers.LayerNormalization()(mean)


def _count(config: BagConfig, text: TextSizes) -> ParameterCount:
    by_key = {
        "text.vocabulary_size": text.vocabulary_size * config.width,
        "model.text_tower.width": 2 * config.width,
    }
    return ParameterCount(by_key, config.width)


TEXT_TOWERS.add(
    "bag", Tower(config=BagConfig, build=_build, count=_count, structure=lambda _: PLAIN)
)
