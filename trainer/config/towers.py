"""The two towers of a run. Free of TensorFlow, as all of the config."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Dropout, PositiveInt
from trainer.config.pretrained import (
    KerasApplicationConfig,
    KerasHubImageConfig,
    KerasHubTextConfig,
)
from trainer.config.tower import TowerConfig

Depth = Annotated[int, Field(gt=0, le=1000)]  # blocks, each of which is built one by one


class ConvConfig(TowerConfig):
    """The reference image tower: one 3x3 convolution, ReLU, 2x2 max pooling, flatten, dense."""

    kind: Literal["conv"]
    filters: PositiveInt = 32


class ConvNetConfig(TowerConfig):
    """The small strong image tower: strided convolutions with batch normalisation."""

    kind: Literal["convnet"]
    # Channels of each stage; each halves the side.
    widths: Annotated[tuple[PositiveInt, ...], Field(max_length=32)] = (64, 128)
    dropout: Dropout = 0.0

    @property
    def batch_norm(self) -> bool:
        """It has it."""
        return True


class LstmConfig(TowerConfig):
    """The reference text tower: an embedding, an LSTM, dense."""

    kind: Literal["lstm"]
    vocabulary_size: PositiveInt = 10_000  # rows of the table; at least text.vocabulary_size
    width: PositiveInt = 128  # of a token embedding
    units: PositiveInt = 64


class BagConfig(TowerConfig):
    """The small strong text tower: the mean of the token embeddings."""

    kind: Literal["bag"]
    width: PositiveInt = 256
    dropout: Dropout = 0.0  # share of tokens left out while training


class BlocksConfig(TowerConfig):
    """Transformer blocks."""

    width: PositiveInt = 192
    depth: Depth = 6
    heads: PositiveInt = 3
    mlp_ratio: PositiveInt = 4  # hidden units of a block's second half, in widths
    dropout: Dropout = 0.0  # after each half of a block


class ViTConfig(BlocksConfig):
    """A vision transformer over patches; the mean of what it makes of them."""

    kind: Literal["vit"]
    patch: PositiveInt = 8  # side in pixels


class TransformerConfig(BlocksConfig):
    """A transformer over word pieces; the mean of what it makes of them."""

    kind: Literal["transformer"]
    depth: Depth = 2


ImageTower = Annotated[
    ConvConfig | ConvNetConfig | ViTConfig | KerasApplicationConfig | KerasHubImageConfig,
    Field(discriminator="kind"),
]
TextTower = Annotated[
    LstmConfig | BagConfig | TransformerConfig | KerasHubTextConfig, Field(discriminator="kind")
]
