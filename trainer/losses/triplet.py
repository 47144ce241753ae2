"""The triplet loss: every match more similar than every mismatch, by a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, LossConfig

if TYPE_CHECKING:
    import tensorflow as tf


Mining = Literal["sum", "hardest"]


class TripletConfig(LossConfig):
    """VSE++: every match above every mismatch by a margin, both ways."""

    name: Literal["triplet"]
    """Name of the loss."""
    pairs: Literal["all"] = "all"
    """all: every image of the batch with every text."""
    margin: Annotated[float, Field(gt=0)] = 0.2
    """Similarity by which a match should lead."""
    mining: Mining = "sum"
    """sum: of all violations; hardest: the largest violation of each match."""


def triplet_loss(
    similarity: tf.Tensor, matches: tf.Tensor, margin: float = 0.2, mining: Mining = "sum"
) -> tf.Tensor:
    """Rank matches above mismatches, image to text and text to image.

    Formula: over all matches (i, j), the sum over mismatches k of `max(0, margin - s_ij + s_ik)`,
    or its largest term only, plus the same over mismatches of text j; divided by the number of
    matches. A match is never taken for a mismatch, wherever it stands.

    Args:
        similarity: s, [images, texts].
        matches: y, [images, texts], 0 or 1 or bool.
        margin: by which matches should lead.
        mining: 'sum' of all violations, or the 'hardest' one of each match.

    Returns:
        The loss; 0 where no pair matches.

    Example: s = [[0.5, 0.4], [0.1, 0.6]], y = identity, margin 0.2. Rows: 0.2 - 0.5 + 0.4 = 0.1 and
    0 (0.2 - 0.6 + 0.1 < 0); columns: 0 and 0.2 - 0.6 + 0.4 = 0. The loss is 0.1 / 2 = 0.05.

    Reference: Faghri et al., "VSE++: improving visual-semantic embeddings with hard negatives"
    (2018); the sum is Kiros et al. (2014).
    """
    import tensorflow as tf

    s = tf.convert_to_tensor(similarity)
    is_match = tf.cast(matches, tf.bool)
    count = tf.cast(tf.math.count_nonzero(is_match), s.dtype)
    both = _violations(s, is_match, margin, mining) + _violations(
        tf.transpose(s), tf.transpose(is_match), margin, mining
    )
    return tf.math.divide_no_nan(both, count)


def _violations(s: tf.Tensor, is_match: tf.Tensor, margin: float, mining: Mining) -> tf.Tensor:
    """Sum the violations of the matches of each row, against the mismatches of that row."""
    import tensorflow as tf

    if mining == "hardest":
        # The largest violation is that of the most similar mismatch, whichever the match.
        lowest = tf.fill(tf.shape(s), s.dtype.min / 2)
        hardest = tf.reduce_max(tf.where(is_match, lowest, s), axis=1, keepdims=True)
        violation = tf.nn.relu(margin - s + hardest)
        return tf.reduce_sum(tf.where(is_match, violation, tf.zeros_like(s)))
    # Matches are few: one row per match takes less memory than a cube of all triplets.
    match_indices = tf.where(is_match)
    rows = tf.gather(s, match_indices[:, 0])
    violation = tf.nn.relu(margin - tf.gather_nd(s, match_indices)[:, None] + rows)
    others = tf.logical_not(tf.gather(is_match, match_indices[:, 0]))
    return tf.reduce_sum(tf.where(others, violation, tf.zeros_like(violation)))


def _loss(config: TripletConfig, batch: LossBatch) -> tf.Tensor:
    return triplet_loss(*batch.pairs(), config.margin, config.mining)


LOSSES.add("triplet", Loss(config=TripletConfig, function=_loss, needs_unit_length=True))
