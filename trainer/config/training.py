"""The `augment` and `training` sections of the config: how the two networks learn."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Count, Fraction, Frozen, PositiveInt

Precision = Literal["float32", "bfloat16"]


class AugmentConfig(Frozen):
    """Random changes of the training images; 0 switches one off."""

    shift: Fraction = 0.1
    """Largest shift in each direction, share of the side."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.12
    """Largest relative change of the scale."""
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.06
    """Largest relative change of the aspect ratio."""
    brightness: Fraction = 0.2
    """Largest change of brightness, share of the full scale."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of contrast."""
    colour: Fraction = 0.0
    """Largest change of brightness and contrast drawn per channel, share of the full scale."""


class TrainingConfig(Frozen):
    """How the two networks learn."""

    epochs: PositiveInt = 50
    """Passes over the train split."""
    batch_size: PositiveInt = 256
    """Pairs in a step, of all devices together."""
    captions: Literal["one", "all"] = "one"
    """Captions of an image in a step: one that is drawn, or all, each a text of the batch."""
    chunk_size: PositiveInt | None = None
    """Pairs embedded at once, by gradient caching; None: the whole batch."""
    devices: PositiveInt | Literal["all"] = "all"
    """Devices of this machine to train on: GPUs, or CPUs where there is no GPU."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """adamw; muon: orthogonal steps for the kernels within the networks, AdamW for the rest."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Peak of the learning rate, after the warm-up."""
    warmup_steps: Count | None = None
    """Steps of the warm-up; None: 50, or a tenth of a short run."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    """Decoupled weight decay; none on biases, normalisations and the scale of the loss."""
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of all gradients together; None: not clipped."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the moving average of the weights that is kept at each step; 0: no average."""
    gradient_checkpointing: bool = False
    """Keep only the inputs of transformer blocks, and compute the rest again for the gradient."""
    precision: Precision | Literal["auto"] = "float32"
    """What the towers compute in; the loss is float32. auto: measured, and served in float32."""
    xla: bool | Literal["auto"] = "auto"
    """Whether XLA compiles the step; auto: measured on the first batch."""
    checkpoint_steps: Count = 500
    """Steps between checkpoints; 0: none."""
    cache_mb: Count = 2048
    """Decoded images and features of frozen towers are kept in memory up to this size, MB."""
    shuffle_buffer: PositiveInt = 20_000
    """Records that are shuffled at once."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of all random numbers of the training."""
    start: Literal["random", "correlated"] = "random"
    """Weights of new heads at the start: random, or, of two frozen towers, those under which the
    features of the pairs correlate most (canonical correlation analysis); for few pairs."""
