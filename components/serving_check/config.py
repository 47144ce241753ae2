"""The `serving_check` section of the config.

Importing this file stays free of TensorFlow and TFX, so that the command line answers at once.
"""

from typing import Annotated, Self

from pydantic import Field

from schema.config.section import Frozen, PositiveInt
from trainer.config.training import Precision

Milliseconds = Annotated[float, Field(gt=0)]


# Networks that compute in bfloat16 round each result to 8 bits: its neighbours are up to 2^-7 of it
# apart. Which of two neighbours is taken may depend on how TensorFlow fuses operations.
ROUNDING: dict[Precision, float] = {"float32": 0.0, "bfloat16": 2.0**-7}


class ServingCheckConfig(Frozen):
    """The limits that an export must keep to be released."""

    agreement: Annotated[float, Field(gt=0)] = 1e-5
    """Largest difference to the trainer's embedding, as a share of its length where that is over 1;
    for bfloat16 networks at least 2^-7."""

    latency_calls: PositiveInt = 200
    """Timed calls for one text, and as many for one image."""

    text_p99_ms: Milliseconds | None = None
    """Largest 99th percentile of the latency of one text, in milliseconds; default: no limit."""

    image_p99_ms: Milliseconds | None = None
    """Largest 99th percentile of the latency of one image, in milliseconds; default: no limit."""

    timeout_s: PositiveInt = 600
    """Time limit in seconds for the process that calls the models, and for a model server."""

    def suited(self, precision: Precision) -> Self:
        """Return the limits for networks that compute in this type."""
        return self.model_copy(update={"agreement": max(self.agreement, ROUNDING[precision])})
