"""The `serving_check` section of the config.

Importing this file stays free of TensorFlow and TFX, so that the command line answers at once.
"""

from typing import Annotated

from pydantic import Field

from trainer.config import Frozen, PositiveInt

Milliseconds = Annotated[float, Field(gt=0)]


class ServingCheckConfig(Frozen):
    """What an export must keep to be shipped."""

    # Largest difference to the trainer's embedding, as a share of its length where that is over 1.
    agreement: Annotated[float, Field(gt=0)] = 1e-5
    latency_calls: PositiveInt = 200  # timed calls for one text, and as many for one image
    text_p99_ms: Milliseconds | None = None  # most that one text may take; None: any
    image_p99_ms: Milliseconds | None = None  # most that one image may take; None: any
    timeout_s: PositiveInt = 600  # for the process that calls the models, and for a server
