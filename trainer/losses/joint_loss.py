"""The joint loss of a config, as a layer: it owns the scale and bias and picks the pairs."""

import math

import keras
import tensorflow as tf

from trainer import losses
from trainer.config.config_warnings import fitting_bias
from trainer.config.loss import (
    CosineEmbeddingConfig,
    CustomConfig,
    HingeConfig,
    InfoNceConfig,
    Loss,
    SigmoidConfig,
    TripletConfig,
)
from trainer.losses import custom
from trainer.losses.positives import Rows, sample_mismatches

MAX_LOGIT_SCALE = 100.0  # CLIP's bound on the inverse temperature


class JointLoss(keras.layers.Layer):
    """Loss of a batch of image and text embeddings.

    Args:
        config: the `loss` section of the config.
        batch_size: pairs in a step, for the bias of the sigmoid loss.

    Raises:
        InputError: a loss of your own cannot be imported or used.
    """

    def __init__(self, config: Loss, batch_size: int):
        super().__init__(name="joint_loss")
        self.config = config
        self.log_scale = self.bias = None
        if isinstance(config, InfoNceConfig | SigmoidConfig):
            self.log_scale = self.add_weight(
                name="log_logit_scale",
                shape=(),
                initializer=keras.initializers.Constant(-math.log(config.temperature)),
                constraint=lambda w: tf.clip_by_value(w, 0.0, math.log(MAX_LOGIT_SCALE)),
            )
        if isinstance(config, SigmoidConfig):
            bias = fitting_bias(config, batch_size) if config.bias is None else config.bias
            self.bias = self.add_weight(
                name="logit_bias", shape=(), initializer=keras.initializers.Constant(bias)
            )
        self._custom = custom.load(config, batch_size) if isinstance(config, CustomConfig) else None

    def call(
        self, images: tf.Tensor, texts: tf.Tensor, matches: Rows, seed: tf.Tensor
    ) -> tf.Tensor:
        """The scalar loss.

        Args:
            images: u, [n, d].
            texts: v, [n, d]; row i is the caption that came with image i, match or not.
            matches: rows [start, end) of which images and texts match, bool [end - start, n]; the
                diagonal holds the records' own labels.
            seed: int [2], of the mismatches that are sampled.
        """
        config, count = self.config, tf.shape(images)[0]
        if isinstance(config, SigmoidConfig) and config.block is not None:
            scale, bias = self._scale(), tf.convert_to_tensor(self.bias)
            return losses.sigmoid_in_blocks(images, texts, matches, scale, bias, config.block)
        if config.pairs == "all":
            similarity = tf.matmul(images, texts, transpose_b=True)
            return self._value(similarity, matches(0, count))
        sampled = config.sampled_mismatches
        return self._value(*given_pairs(images, texts, matches(0, count), sampled, seed))

    def _value(self, similarity: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        match self.config:
            case CosineEmbeddingConfig(margin=m, positive_weight=p, negative_weight=n):
                return losses.cosine_embedding(similarity, label, m, p, n)
            case HingeConfig(margin=margin):
                return losses.hinge(similarity, label, margin)
            case SigmoidConfig():
                bias = tf.convert_to_tensor(self.bias)
                return losses.sigmoid(similarity, label, self._scale(), bias)
            case InfoNceConfig():
                return losses.info_nce(similarity, label, self._scale())
            case TripletConfig(margin=margin, mining=mining):
                return losses.triplet(similarity, label, margin, mining)
            case CustomConfig(arguments=arguments):
                assert self._custom is not None
                return self._custom(similarity, label, **arguments)

    def _scale(self) -> tf.Tensor:
        return tf.exp(tf.convert_to_tensor(self.log_scale))


def given_pairs(
    images: tf.Tensor,
    texts: tf.Tensor,
    matches: tf.Tensor,
    sampled_mismatches: int,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Similarity and label of the records' own pairs and of sampled mismatches.

    Args:
        images: u, [n, d].
        texts: v, [n, d].
        matches: bool [n, n], images x texts.
        sampled_mismatches: further texts to pair each image with.
        seed: int [2], of which ones.

    Returns:
        Two tensors [n, 1 + sampled_mismatches]; the first column is the record's own pair.
    """
    similarity = tf.reduce_sum(images * texts, axis=1, keepdims=True)
    label = tf.linalg.diag_part(matches)[:, None]
    if not sampled_mismatches:
        return similarity, label
    others = sample_mismatches(matches, sampled_mismatches, seed)
    theirs = tf.einsum("nd,nkd->nk", images, tf.gather(texts, others))
    their_labels = tf.gather(matches, others, batch_dims=1)
    return tf.concat([similarity, theirs], 1), tf.concat([label, their_labels], 1)
