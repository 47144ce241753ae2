"""The embeddings of a batch as a loss gets them, and the pairs that it compares."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from trainer.losses.positives import Rows, sample_mismatches

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossBatch:
    """What a loss is computed from.

    Args:
        images: u, image embeddings [n, d].
        texts: v, text embeddings [m, d]. With training.captions: one, m = n and row i is the
            caption that came with image i, match or not; with all, the rows are all captions of
            image 0, then those of image 1, and so on, and all_pairs is true.
        matches: rows [start, end) of which images and texts match, bool [end - start, m]; if m = n
            the diagonal holds the records' own labels.
        all_pairs: whether every image is compared with every text, or with its own alone.
        sampled_mismatches: further texts to compare each image with, if not with all.
        seed: int [2], of the mismatches that are sampled.
        logit_scale: t, the learned inverse temperature, scalar; None: the loss learns none.
        bias: b, the learned bias, scalar; None: the loss learns none.
    """

    images: tf.Tensor
    texts: tf.Tensor
    matches: Rows
    seed: tf.Tensor
    all_pairs: bool
    sampled_mismatches: int = 0
    logit_scale: tf.Tensor | None = None
    bias: tf.Tensor | None = None

    def pairs(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return similarity and label of the pairs that the config compares.

        Returns:
            Similarity, float, and label, bool, of one shape: [n, m] of all pairs, else
            [n, 1 + sampled_mismatches], whose first column is the record's own pair.
        """
        import tensorflow as tf

        matches = self.matches(0, tf.shape(self.images)[0])
        if self.all_pairs:
            return tf.matmul(self.images, self.texts, transpose_b=True), matches
        similarity = tf.reduce_sum(self.images * self.texts, axis=1, keepdims=True)
        label = tf.linalg.diag_part(matches)[:, None]
        if not self.sampled_mismatches:
            return similarity, label
        others = sample_mismatches(matches, self.sampled_mismatches, self.seed)
        sampled = tf.einsum("nd,nkd->nk", self.images, tf.gather(self.texts, others))
        sampled_labels = tf.gather(matches, others, batch_dims=1)
        return tf.concat([similarity, sampled], 1), tf.concat([label, sampled_labels], 1)
