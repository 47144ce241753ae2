"""The dual encoder: an image tower and a text tower that meet in one embedding space."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras
import tensorflow as tf

from trainer.config.trainer import TrainerConfig
from trainer.config.training import Precision
from trainer.towers.assembly import build_image_tower, build_text_tower


class DualEncoder(keras.Model):
    """Both towers of a config; all weights are new.

    Args:
        config: sizes and towers.

    Raises:
        InputError: a library's network cannot be built.
    """

    def __init__(self, config: TrainerConfig):
        super().__init__(name="dual_encoder")
        self.config = config
        dim = config.model.embedding_dim
        with precision_policy(config.training.precision):
            self.image_tower = build_image_tower(config.model.image_tower, config.image.size, dim)
            self.text_tower = build_text_tower(config.model.text_tower, config.text, dim)
        self.built = True

    def embed_images(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed images.

        Args:
            pixels: uint8 [n, size, size, 3]; or floats of the same shape in 0 to 255, as
                augmentation leaves them.
            training: whether the tower computes as it does while it learns; a frozen one never
                does.

        Returns:
            float32 [n, embedding_dim]; of length 1 if the config says so.
        """
        scaled = tf.cast(pixels, tf.float32) / 127.5 - 1.0
        tower = self.image_tower
        return self._finish(tower(scaled, training=training and tower.trainable))

    def embed_texts(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed captions: int64 [n, tokens], 0 = padding, to float32 [n, embedding_dim]."""
        tower = self.text_tower
        return self._finish(tower(tokens, training=training and tower.trainable))

    def _finish(self, embedding: tf.Tensor) -> tf.Tensor:
        embedding = tf.cast(embedding, tf.float32)
        return tf.math.l2_normalize(embedding, -1) if self.config.model.normalize else embedding


@contextlib.contextmanager
def precision_policy(precision: Precision | Literal["auto"]) -> Iterator[None]:
    """Let layers that are made inside compute in a type; their weights stay float32.

    What is built before `auto` is decided, or to serve what was trained by it, is float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
