"""The small strong image tower: strided convolutions with batch normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from schema.config.section import Dropout, PositiveInt
from trainer.towers.registry import CHANNELS, IMAGE_TOWERS, ParameterCount, Tower, TowerConfig
from trainer.towers.structure import PLAIN

if TYPE_CHECKING:
    import keras


class ConvNetConfig(TowerConfig):
    """The small strong image tower: strided convolutions with batch normalisation."""

    kind: Literal["convnet"]
    """Name of the tower."""
    widths: Annotated[tuple[PositiveInt, ...], Field(max_length=32)] = (64, 128)
    """Channels of the stages; every stage halves the side."""
    dropout: Dropout = 0.0
    """Dropout of the flattened features."""

    @property
    def batch_norm(self) -> bool:
        """Whether, as far as the config says, its output depends on the rest of the batch."""
        return True


def _build(config: ConvNetConfig, _size: int, pixels: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    from trainer.towers.layers import space_to_depth

    # Patches of 2 x 2 pixels become channels first: a convolution over three channels keeps a
    # CPU mostly waiting, one over twelve at half the side keeps it computing.
    x = space_to_depth(pixels)
    for stage, width in enumerate(config.widths):
        x = keras.layers.Conv2D(
            width, 3, strides=1 if stage == 0 else 2, padding="same", use_bias=False
        )(x)
        x = _normalise_and_activate(x)
    return keras.layers.Dropout(config.dropout)(keras.layers.Flatten()(x))


def _normalise_and_activate(x: keras.KerasTensor) -> keras.KerasTensor:
    import keras
    import tensorflow as tf

    # Momentum 0.9 and not Keras's 0.99: short runs must not evaluate with stale statistics.
    # Statistics are of the whole batch, also where several workers share it.
    parts = tf.distribute.get_strategy().num_replicas_in_sync
    normalise = keras.layers.BatchNormalization(momentum=0.9, synchronized=parts > 1)
    return keras.layers.ReLU()(normalise(x))


def _count(config: ConvNetConfig, size: int) -> ParameterCount:
    """Count 3 x 3 convolutions without bias, and scale, offset, mean and variance for each."""
    channels, side = (4 * CHANNELS, *config.widths), size // 2
    pairs = zip(channels, config.widths, strict=False)
    number = sum(9 * before * after + 4 * after for before, after in pairs)
    for _ in config.widths[1:]:
        side = -(-side // 2)
    return ParameterCount({"model.image_tower.widths": number}, side**2 * channels[-1])


def _check(_config: ConvNetConfig, size: int) -> None:
    if size % 2:
        raise ValueError(f"image.size = {size} must be even for convnet")


IMAGE_TOWERS.add(
    "convnet",
    Tower(
        config=ConvNetConfig, build=_build, count=_count, check=_check, structure=lambda _: PLAIN
    ),
)
