"""The joint losses: pure functions of similarities, so gradients reach both towers."""

from trainer.losses.cosine_embedding import cosine_embedding_loss
from trainer.losses.hinge import hinge_loss
from trainer.losses.info_nce import info_nce_loss
from trainer.losses.sigmoid import sigmoid_loss, sigmoid_loss_in_blocks
from trainer.losses.triplet import triplet_loss

__all__ = [
    "cosine_embedding_loss",
    "hinge_loss",
    "info_nce_loss",
    "sigmoid_loss",
    "sigmoid_loss_in_blocks",
    "triplet_loss",
]
