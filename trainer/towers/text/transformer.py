"""A transformer over word pieces; its output is the mean over the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainer.towers.registry import TEXT_TOWERS, ParameterCount, TextSizes, Tower
from trainer.towers.transformer_blocks import BlocksConfig, Depth, structure

if TYPE_CHECKING:
    import keras


class TransformerConfig(BlocksConfig):
    """A transformer over word pieces; its output is the mean over the tokens."""

    kind: Literal["transformer"]
    """Name of the tower."""
    depth: Depth = 2
    """Number of blocks."""

    @property
    def groups_lengths(self) -> bool:
        """Whether short texts are embedded apart from long ones: they are."""
        return True


def _build(
    config: TransformerConfig, text: TextSizes, tokens: keras.KerasTensor
) -> keras.KerasTensor:
    import keras
    from keras import ops

    from trainer.towers.layers import mean_of_tokens
    from trainer.towers.transformer_layers import DEVIATION, Block, Norm, Positions

    start = keras.initializers.RandomNormal(stddev=DEVIATION)
    x = keras.layers.Embedding(text.vocabulary_size, config.width, start)(tokens)
    x = Positions(text.max_tokens)(x)
    is_token = ops.cast(ops.not_equal(tokens, 0), "float32")
    for _ in range(config.depth):
        x = Block(config.width, config.heads, config.mlp_ratio, config.dropout)(x, is_token)
    return mean_of_tokens(Norm()(x), is_token)


def _count(config: TransformerConfig, text: TextSizes) -> ParameterCount:
    by_key = {
        "text.vocabulary_size": text.vocabulary_size * config.width,
        "text.max_tokens": text.max_tokens * config.width,
        "model.text_tower.width": config.block_parameters,
    }
    return ParameterCount(by_key, config.width)


TEXT_TOWERS.add(
    "transformer",
    Tower(config=TransformerConfig, build=_build, count=_count, structure=structure),
)
