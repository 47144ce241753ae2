"""What the config of both transformer towers has, and how many parameters their blocks have."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schema.config.section import Dropout, PositiveInt
from trainer.towers.registry import TowerConfig

Depth = Annotated[int, Field(gt=0, le=1000)]  # blocks, which are built one by one


class BlocksConfig(TowerConfig):
    """Transformer blocks."""

    width: PositiveInt = 192
    """Components of the vector of a token."""
    depth: Depth = 6
    """Number of blocks."""
    heads: PositiveInt = 3
    """Attention heads of a block; they divide the width."""
    mlp_ratio: PositiveInt = 4
    """Hidden units of the second half of a block, in widths."""
    dropout: Dropout = 0.0
    """Dropout after each half of a block."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is not divisible by heads = {self.heads}")
        return self

    @model_validator(mode="after")
    def _no_more_blocks_than_there_are(self) -> Self:
        last = self.layers.last if self.layers is not None else "all"
        if last != "all" and last > self.depth:
            raise ValueError(f"layers.last = {last} is more than depth = {self.depth}")
        return self

    @property
    def recomputable(self) -> bool:
        """Whether its blocks can be computed again for the gradient: they can."""
        return True

    @property
    def block_parameters(self) -> int:
        """Parameters of all blocks and of the last normalisation.

        A block has attention with four products, and two halves with a normalisation each.
        """
        width, hidden = self.width, self.mlp_ratio * self.width
        attention = 4 * width * (width + 1)
        mlp = hidden * (width + 1) + width * (hidden + 1)
        return self.depth * (attention + mlp + 4 * width) + 2 * width
