"""What the config of both transformer towers has, and how many parameters their blocks have."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from schema.config.section import Dropout, PositiveInt
from trainer.towers.registry import TowerConfig
from trainer.towers.structure import Structure

# Layers of a block that can have an adapter, by the attributes of `transformer_layers.Block`.
ADAPTABLE = frozenset({"qkv", "attention_out", "mlp_hidden", "mlp_out"})
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

    @property
    def same_shapes(self) -> Mapping[str, object]:
        """The heads, which cut the vectors of the same weights otherwise."""
        return {"heads": self.heads}

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


def structure(config: BlocksConfig, *others: str) -> Structure:
    """Return what a section says of a backbone with such blocks.

    Args:
        config: the section.
        others: names of layers outside the blocks that can have an adapter.
    """
    return Structure(ADAPTABLE | {*others}, config.depth)
