"""The reference text tower: an embedding, an LSTM, dense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from schema.config.section import PositiveInt
from trainer.towers.registry import TEXT_TOWERS, ParameterCount, TextSizes, Tower, TowerConfig

if TYPE_CHECKING:
    import keras


class LstmConfig(TowerConfig):
    """The reference text tower: an embedding, an LSTM, dense."""

    kind: Literal["lstm"]
    """Name of the tower."""
    vocabulary_size: PositiveInt = 10_000
    """Rows of the table of token embeddings; at least text.vocabulary_size."""
    width: PositiveInt = 128
    """Components of a token embedding."""
    units: PositiveInt = 64
    """Units of the LSTM."""


def _build(config: LstmConfig, _text: TextSizes, tokens: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    # The mask lets the state stand still on padding, so a caption's vector does not depend on
    # how long the longest caption of the batch is.
    x = keras.layers.Embedding(config.vocabulary_size, config.width, mask_zero=True)(tokens)
    return keras.layers.LSTM(config.units)(x)


def _count(config: LstmConfig, _text: TextSizes) -> ParameterCount:
    by_key = {
        "model.text_tower.vocabulary_size": config.vocabulary_size * config.width,
        "model.text_tower.units": 4 * config.units * (config.width + config.units + 1),
    }
    return ParameterCount(by_key, config.units)


def _check(config: LstmConfig, text: TextSizes) -> None:
    if config.vocabulary_size < text.vocabulary_size:
        raise ValueError(
            f"model.text_tower.vocabulary_size = {config.vocabulary_size} cannot hold "
            f"text.vocabulary_size = {text.vocabulary_size}"
        )


TEXT_TOWERS.add("lstm", Tower(config=LstmConfig, build=_build, count=_count, check=_check))
