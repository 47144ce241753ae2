"""The reference image tower: one 3x3 convolution, ReLU, 2x2 max pooling, flatten, dense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from schema.config.section import PositiveInt
from trainer.towers.registry import CHANNELS, IMAGE_TOWERS, ParameterCount, Tower, TowerConfig

if TYPE_CHECKING:
    import keras

SMALLEST = 4  # pixels: a 3x3 convolution leaves two, which are pooled


class ConvConfig(TowerConfig):
    """The reference image tower: one 3x3 convolution, ReLU, 2x2 max pooling, flatten, dense."""

    kind: Literal["conv"]
    """Name of the tower."""
    filters: PositiveInt = 32
    """Channels of the convolution."""


def _build(config: ConvConfig, _size: int, pixels: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    x = keras.layers.Conv2D(config.filters, 3, activation="relu")(pixels)
    return keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(x))


def _count(config: ConvConfig, size: int) -> ParameterCount:
    number = (9 * CHANNELS + 1) * config.filters
    side = (size - 2) // 2
    return ParameterCount({"model.image_tower.filters": number}, side**2 * config.filters)


def _check(_config: ConvConfig, size: int) -> None:
    if size < SMALLEST:
        raise ValueError(f"image.size = {size} must be at least {SMALLEST} for conv")


IMAGE_TOWERS.add("conv", Tower(config=ConvConfig, build=_build, count=_count, check=_check))
