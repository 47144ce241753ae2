"""How the two networks learn: batches, the optimizer, devices, checkpoints."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Count, Fraction, Frozen, PositiveInt

Precision = Literal["float32", "bfloat16"]


class AugmentConfig(Frozen):
    """Random changes of the training images; 0 switches one off."""

    shift: Fraction = 0.1  # of the side, each way
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.12  # relative change of scale
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.06  # relative change of aspect ratio
    brightness: Fraction = 0.2  # of full scale
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.2  # relative
    colour: Fraction = 0.0  # brightness and contrast drawn anew per channel, of full scale


class TrainingConfig(Frozen):
    """How the two networks learn."""

    epochs: PositiveInt = 50
    batch_size: PositiveInt = 256  # pairs in a step, of all devices together
    chunk_size: PositiveInt | None = None  # pairs embedded at once; None: the batch, in one go
    devices: PositiveInt | Literal["all"] = "all"  # of this machine: GPUs, or CPUs without any
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3  # peak, after warm-up
    warmup_steps: Count | None = None  # None: 50, or a tenth of a short run
    weight_decay: Annotated[float, Field(ge=0)] = 0.05  # none on biases, norms and the scale
    clip_norm: Annotated[float, Field(gt=0)] | None = None  # of all gradients together
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0  # kept of the weights' EMA per step
    precision: Precision = "float32"  # of the towers; the loss is float32
    xla: bool | Literal["auto"] = "auto"  # auto: measured on the first batch
    checkpoint_steps: Count = 500  # between checkpoints; 0: none
    cache_mb: Count = 2048  # decoded images kept in memory up to this size
    shuffle_buffer: PositiveInt = 20_000  # records
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # NumPy takes no other
