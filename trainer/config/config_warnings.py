"""What a config allows and yet will not learn from. Free of TensorFlow."""

import math
from collections.abc import Iterator

from trainer.config.loss import CosineEmbeddingConfig, HingeConfig, SigmoidConfig
from trainer.config.model import TrainerConfig

FAR = math.log(10)  # of a sigmoid bias: odds ten times wrong


def config_warnings(config: TrainerConfig) -> list[str]:
    """Collect warnings, a sentence each that names the key and what to set instead."""
    return [*_bias(config), *_collapse(config)]


def fitting_bias(config: SigmoidConfig, batch_size: int) -> float:
    """The bias by which a pair's odds are right before anything is learned.

    Formula: ln(p / (1 - p)), p = 1 / (pairs of an image): -ln(B - 1) for a whole batch. SigLIP's
    -10 is that of a batch of 22,000. Source: https://github.com/mlfoundations/open_clip/issues/650
    """
    row = batch_size if config.pairs == "all" else 1 + config.sampled_mismatches
    return -math.log(max(row - 1, 1))


def _bias(config: TrainerConfig) -> Iterator[str]:
    loss, batch_size = config.loss, config.training.batch_size
    if not isinstance(loss, SigmoidConfig) or loss.bias is None:
        return
    right = fitting_bias(loss, batch_size)
    if abs(loss.bias - right) > FAR:
        yield (
            f"loss.bias = {loss.bias:g} does not fit training.batch_size = {batch_size}: "
            f"{right:.2f} does, and is taken if loss.bias is left out"
        )


def _collapse(config: TrainerConfig) -> Iterator[str]:
    """A pairwise loss over the whole matrix whose mismatches outweigh the matches.

    Of B x B pairs about B are matches. Where a mismatch costs something until its similarity is
    below a bound of zero or less, moving all images to one point and all texts to the opposite one
    pays, since it frees B - 1 mismatches an image for one match.
    """
    loss, batch_size = config.loss, config.training.batch_size
    if isinstance(loss, HingeConfig):
        bound, ratio = -loss.margin, 1.0
    elif isinstance(loss, CosineEmbeddingConfig):
        bound, ratio = loss.margin, loss.positive_weight / max(loss.negative_weight, 1e-9)
    else:
        return
    if loss.pairs == "all" and bound <= 0 and ratio < batch_size - 1:
        yield (
            f"loss.pairs: all with loss.name = {loss.name} weighs {batch_size - 1} mismatches "
            "against each match, and both towers collapse to one point: set loss.pairs: given "
            "with loss.sampled_mismatches: 1, or take loss.name: triplet"
        )
