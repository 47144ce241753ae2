"""What of a tower learns: the keys `train`, `lora`, `layers` and `head` of a tower's section.

A tower is a backbone, which makes features of its input, and a head, which makes the embedding of
the features. `trainer.towers.partial_training` does what these keys say.
"""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Dropout, Frozen, PositiveInt

Train = Literal["full", "head", "frozen", "lora", "layers"]
MOST_UNITS = 1 << 16  # of a hidden layer


class LoraConfig(Frozen):
    """Low-rank adapters: a product of two thin matrices is learned for each kernel of a backbone.

    Reference: Hu et al., "LoRA: low-rank adaptation of large language models" (2021).
    """

    rank: Annotated[int, Field(gt=0, le=1024)] = 8
    """Columns of the first of both matrices, and rows of the second."""
    alpha: Annotated[float, Field(gt=0)] = 16.0
    """Their product counts alpha / rank times."""
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Patterns of the names of layers that get adapters, of dense ones and 1x1 convolutions."""


class LayersConfig(Frozen):
    """The last blocks of a backbone learn, earlier ones more slowly.

    Reference: Howard and Ruder, "Universal language model fine-tuning for text classification"
    (2018), discriminative fine-tuning.
    """

    last: PositiveInt | Literal["all"] = 2
    """How many blocks learn, counted from the head; all: what is before the first one, too."""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Rate of a block as a share of the rate of the block behind it."""


class HeadConfig(Frozen):
    """A hidden layer between a backbone and the embedding: linear, GELU, dropout, linear."""

    hidden: Annotated[int, Field(gt=0, le=MOST_UNITS)] = 512
    """Units of the hidden layer."""
    dropout: Dropout = 0.5
    """Dropout of the hidden units."""
