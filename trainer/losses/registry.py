"""The registry of joint losses, and what every loss defines.

A file in this package, or in a package that `plugins` names in the config, adds a loss: its section
of the config, a function, and `LOSSES.add`. Configs are read without TensorFlow, so such a file
imports it inside its functions only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from schema.config.section import Count, Frozen
from schema.registry import Registry
from trainer.losses.batch import LossBatch

if TYPE_CHECKING:
    import tensorflow as tf

Pairs = Literal["given", "all"]
Temperature = Annotated[float, Field(ge=0.01, le=1)]  # CLIP's bounds


class LossConfig(Frozen):
    """The `loss` section of the config: what all losses have."""

    name: str
    """Name of the loss."""
    pairs: Pairs
    """given: the records' own pairs; all: every image of the batch with every text."""

    @property
    def rows_at_once(self) -> int | None:
        """Rows of the matrix of similarities that are in memory at once; None: all."""
        return None


class PairwiseConfig(LossConfig):
    """What the losses of single pairs have."""

    pairs: Pairs = "given"
    """given: the records' own pairs; all: every image of the batch with every text."""
    sampled_mismatches: Count = 0
    """Texts of other records that each image is paired with, besides its own; for pairs: given."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loss:
    """A joint loss that a config can name.

    Args:
        config: its section of the config.
        function: (section, batch) to the scalar loss.
        initial_temperature: the temperature of a section, for a loss with a learned scale, which
            starts at its inverse; None: the loss has no scale.
        initial_bias: (section, pairs in a step) to the bias that is learned from there; None: the
            loss has no bias.
        needs_unit_length: whether the embeddings must have length 1.
        check: (section, pairs in a step) raises InputError if the loss cannot be used; called
            before training, and may import TensorFlow.
        warnings: (section, pairs in a step) to sentences about what it will not learn from.
    """

    config: type[LossConfig]
    function: Callable[[Any, LossBatch], tf.Tensor]
    initial_temperature: Callable[[Any], float] | None = None
    initial_bias: Callable[[Any, int], float] | None = None
    needs_unit_length: bool = False
    check: Callable[[Any, int], None] | None = None
    warnings: Callable[[Any, int], Iterable[str]] | None = None


LOSSES: Registry[Loss] = Registry("loss", "trainer.losses", entry=Loss, section=LossConfig)


def collapse_warning(
    config: PairwiseConfig, batch_size: int, bound: float, ratio: float
) -> list[str]:
    """Warn of a pairwise loss over the whole matrix whose mismatches outweigh the matches.

    Of B x B pairs about B are matches. Where a mismatch costs something until its similarity is
    below a bound of zero or less, moving all images to one point and all texts to the opposite one
    pays, since it frees B - 1 mismatches an image for one match.

    Args:
        config: the section.
        batch_size: B, pairs in a step.
        bound: the similarity below which a mismatch costs nothing.
        ratio: the weight of a match over that of a mismatch.

    Returns:
        The warning, if the loss collapses.
    """
    if config.pairs != "all" or bound > 0 or ratio >= batch_size - 1:
        return []
    return [
        f"loss.pairs: all with loss.name = {config.name} weighs {batch_size - 1} mismatches "
        "against each match, and both towers collapse to one point: set loss.pairs: given "
        "with loss.sampled_mismatches: 1, or take loss.name: triplet"
    ]
