"""Joint losses of two networks: pure functions of similarities, so gradients reach both towers."""

from trainer.losses.chunked_sigmoid import sigmoid_in_blocks
from trainer.losses.contrastive import info_nce
from trainer.losses.pairwise import cosine_embedding, hinge, sigmoid
from trainer.losses.triplet import triplet

__all__ = ["cosine_embedding", "hinge", "info_nce", "sigmoid", "sigmoid_in_blocks", "triplet"]
