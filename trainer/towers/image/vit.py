"""A vision transformer over square patches; its output is their mean.

Reference: Dosovitskiy et al., "An image is worth 16x16 words" (2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from schema.config.section import PositiveInt
from trainer.towers.registry import CHANNELS, IMAGE_TOWERS, ParameterCount, Tower
from trainer.towers.transformer_blocks import BlocksConfig

if TYPE_CHECKING:
    import keras


class ViTConfig(BlocksConfig):
    """A vision transformer over patches; its output is their mean."""

    kind: Literal["vit"]
    """Name of the tower."""
    patch: PositiveInt = 8
    """Side of a patch, pixels; it divides image.size."""


def _build(config: ViTConfig, _size: int, pixels: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    from trainer.towers.layers import mean_of_tokens, space_to_depth
    from trainer.towers.transformer_layers import Block, Norm, Positions

    # A product with the flattened patches is the strided convolution that papers draw.
    patches = space_to_depth(pixels, config.patch)
    count = patches.shape[1] * patches.shape[2]
    x = keras.layers.Reshape((count, patches.shape[3]))(patches)
    x = Positions(count)(keras.layers.Dense(config.width, use_bias=False, name="patches")(x))
    is_token = keras.ops.ones_like(x[:, :, 0])
    for _ in range(config.depth):
        x = Block(config.width, config.heads, config.mlp_ratio, config.dropout)(x, is_token)
    return mean_of_tokens(Norm()(x), is_token)


def _count(config: ViTConfig, size: int) -> ParameterCount:
    by_key = {
        "model.image_tower.patch": CHANNELS * config.patch**2 * config.width,
        "image.size": (size // config.patch) ** 2 * config.width,
        "model.image_tower.width": config.block_parameters,
    }
    return ParameterCount(by_key, config.width)


def _check(config: ViTConfig, size: int) -> None:
    if size % config.patch:
        raise ValueError(
            f"model.image_tower.patch = {config.patch} does not divide image.size = {size}"
        )


IMAGE_TOWERS.add("vit", Tower(config=ViTConfig, build=_build, count=_count, check=_check))
