"""The joint loss of a config as a Keras layer, which owns the learned scale and bias."""

import math

import keras
import tensorflow as tf

from trainer.losses.batch import LossBatch
from trainer.losses.positives import Rows
from trainer.losses.registry import LOSSES, LossConfig, PairwiseConfig

MAX_LOGIT_SCALE = 100.0  # CLIP's bound on the inverse temperature


class JointLoss(keras.layers.Layer):
    """Loss of a batch of image and text embeddings.

    Args:
        config: the `loss` section of the config.
        batch_size: pairs in a step, which decides how a bias starts.

    Raises:
        InputError: a loss of the user's own cannot be imported or used.
    """

    def __init__(self, config: LossConfig, batch_size: int):
        super().__init__(name="joint_loss")
        self.config, self._entry = config, LOSSES[config.name]
        if self._entry.check is not None:
            self._entry.check(config, batch_size)
        self.log_scale = self.bias = None
        if self._entry.initial_temperature is not None:
            start = -math.log(self._entry.initial_temperature(config))
            self.log_scale = self.add_weight(
                name="log_logit_scale",
                shape=(),
                initializer=keras.initializers.Constant(start),
                constraint=lambda w: tf.clip_by_value(w, 0.0, math.log(MAX_LOGIT_SCALE)),
            )
        if self._entry.initial_bias is not None:
            bias = self._entry.initial_bias(config, batch_size)
            self.bias = self.add_weight(
                name="logit_bias", shape=(), initializer=keras.initializers.Constant(bias)
            )

    def call(
        self, images: tf.Tensor, texts: tf.Tensor, matches: Rows, seed: tf.Tensor
    ) -> tf.Tensor:
        """Return the scalar loss; the arguments are those of `LossBatch`."""
        config, scale, bias = self.config, self.log_scale, self.bias
        batch = LossBatch(
            images=images,
            texts=texts,
            matches=matches,
            seed=seed,
            all_pairs=config.pairs == "all",
            sampled_mismatches=(
                config.sampled_mismatches if isinstance(config, PairwiseConfig) else 0
            ),
            logit_scale=None if scale is None else tf.exp(tf.convert_to_tensor(scale)),
            bias=None if bias is None else tf.convert_to_tensor(bias),
        )
        return self._entry.function(config, batch)
