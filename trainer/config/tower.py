"""What the config of every tower can say. Free of TensorFlow, as all of the config."""

from typing import Annotated

from pydantic import Field

from schema.config.section import Frozen


class TowerConfig(Frozen):
    """What all towers share.

    `frozen` and `rate` are about the whole tower, its projection included. Only where a backbone
    brings weights and `start_from` is not given they leave out the projection, which is new.
    """

    kind: str  # each tower's own name
    frozen: bool = False  # its weights stay as they are, statistics of normalisations included
    rate: Annotated[float, Field(gt=0)] = 1.0  # share of training.learning_rate, and of the decay
    start_from: str | None = None  # a release's folder, or a tower's SavedModel in it

    @property
    def brings_weights(self) -> bool:
        """Whether its backbone starts with weights from elsewhere."""
        return False

    @property
    def batch_norm(self) -> bool:
        """Whether, for all its name tells, what it gives an image depends on the whole batch."""
        return False

    @property
    def spares_projection(self) -> bool:
        """Whether `frozen` and `rate` are about the backbone only."""
        return self.brings_weights and self.start_from is None
