"""A vision transformer over square patches; its output is their mean.

Reference: Dosovitskiy et al., "An image is worth 16x16 words" (2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from schema.config.section import PositiveInt
from trainer.towers.registry import CHANNELS, IMAGE_TOWERS, ParameterCount, Tower
from trainer.towers.structure import Structure
from trainer.towers.transformer_blocks import BlocksConfig, structure

if TYPE_CHECKING:
    import keras

PATCHES = "patches"  # the layer that makes vectors of them


class ViTConfig(BlocksConfig):
    """A vision transformer over patches; its output is their mean."""

    kind: Literal["vit"]
    """Name of the tower."""
    patch: PositiveInt = 8
    """Side of a patch, pixels; it divides image.size."""
    patch_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the patches that a training step leaves out, drawn anew for each image."""

    def patches(self, size: int) -> int:
        """Return the number of patches of an image of a side in pixels."""
        return (size // self.patch) ** 2

    def kept_patches(self, size: int) -> int:
        """Return the number of patches that a training step computes with."""
        return round((1 - self.patch_dropout) * self.patches(size))


def _build(config: ViTConfig, size: int, pixels: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    from trainer.towers.layers import space_to_depth
    from trainer.towers.patch_dropout import PatchDropout
    from trainer.towers.transformer_layers import Block, Norm, Positions

    # A product with the flattened patches is the strided convolution that papers draw.
    patches = space_to_depth(pixels, config.patch)
    count = config.patches(size)
    x = keras.layers.Reshape((count, patches.shape[3]))(patches)
    project = keras.layers.Dense(config.width, use_bias=False, name=PATCHES)
    if config.patch_dropout:
        # In front of the product: pixels need no gradient, and what is left out is not multiplied.
        x, places = PatchDropout(config.kept_patches(size))(x)
        x = Positions(count)(project(x), places)
    else:
        x = Positions(count)(project(x))
    for _ in range(config.depth):
        x = Block(config.width, config.heads, config.mlp_ratio, config.dropout)(x)
    return keras.ops.mean(Norm()(x), axis=1)


def _count(config: ViTConfig, size: int) -> ParameterCount:
    by_key = {
        "model.image_tower.patch": CHANNELS * config.patch**2 * config.width,
        "image.size": config.patches(size) * config.width,
        "model.image_tower.width": config.block_parameters,
    }
    return ParameterCount(by_key, config.width)


def _check(config: ViTConfig, size: int) -> None:
    if size % config.patch:
        raise ValueError(
            f"model.image_tower.patch = {config.patch} does not divide image.size = {size}"
        )
    if not config.kept_patches(size):
        raise ValueError(
            f"model.image_tower.patch_dropout = {config.patch_dropout:g} leaves none of the "
            f"{config.patches(size)} patches of an image: give less, or a smaller patch"
        )


def _structure(config: ViTConfig) -> Structure:
    return structure(config, PATCHES)


IMAGE_TOWERS.add(
    "vit",
    Tower(config=ViTConfig, build=_build, count=_count, check=_check, structure=_structure),
)
