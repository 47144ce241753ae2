"""The joint loss of a config, as a layer: it owns the learned scale and picks the pairs."""

import math

import keras
import tensorflow as tf

from trainer import losses
from trainer.config import CosineEmbeddingConfig, HingeConfig, InfoNceConfig
from trainer.matches import sample_mismatches

MAX_LOGIT_SCALE = 100.0  # CLIP's bound on the inverse temperature


class JointLoss(keras.layers.Layer):
    """Loss of a batch of image and text embeddings.

    Args:
        config: the `loss` section of the config.
    """

    def __init__(self, config: CosineEmbeddingConfig | HingeConfig | InfoNceConfig):
        super().__init__(name="joint_loss")
        self.config = config
        self.log_scale = None
        if isinstance(config, InfoNceConfig):
            self.log_scale = self.add_weight(
                name="log_logit_scale",
                shape=(),
                initializer=keras.initializers.Constant(-math.log(config.temperature)),
                constraint=lambda w: tf.clip_by_value(w, 0.0, math.log(MAX_LOGIT_SCALE)),
            )

    def call(self, images: tf.Tensor, texts: tf.Tensor, matches: tf.Tensor) -> tf.Tensor:
        """The scalar loss.

        Args:
            images: u, [n, d].
            texts: v, [n, d]; row i is the caption that came with image i, match or not.
            matches: bool [n, n], images x texts; the diagonal holds the records' own labels.
        """
        config = self.config
        if isinstance(config, InfoNceConfig):
            scale = tf.exp(tf.convert_to_tensor(self.log_scale))
            return losses.info_nce(tf.matmul(images, texts, transpose_b=True), matches, scale)
        if config.pairs == "all":
            similarity, label = tf.matmul(images, texts, transpose_b=True), matches
        else:
            similarity, label = given_pairs(images, texts, matches, config.sampled_mismatches)
        if isinstance(config, HingeConfig):
            return losses.hinge(similarity, label, config.margin)
        return losses.cosine_embedding(
            similarity, label, config.margin, config.positive_weight, config.negative_weight
        )


def given_pairs(
    images: tf.Tensor, texts: tf.Tensor, matches: tf.Tensor, sampled_mismatches: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Similarity and label of the records' own pairs and of sampled mismatches.

    Args:
        images: u, [n, d].
        texts: v, [n, d].
        matches: bool [n, n], images x texts.
        sampled_mismatches: further texts to pair each image with.

    Returns:
        Two tensors [n, 1 + sampled_mismatches]; the first column is the record's own pair.
    """
    similarity = tf.reduce_sum(images * texts, axis=1, keepdims=True)
    label = tf.linalg.diag_part(matches)[:, None]
    if not sampled_mismatches:
        return similarity, label
    others = sample_mismatches(matches, sampled_mismatches)
    theirs = tf.einsum("nd,nkd->nk", images, tf.gather(texts, others))
    their_labels = tf.gather(matches, others, batch_dims=1)
    return tf.concat([similarity, theirs], 1), tf.concat([label, their_labels], 1)
