"""The dual encoder: an image tower and a text tower that meet in one embedding space."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras
import tensorflow as tf

from trainer.config.trainer import TrainerConfig
from trainer.config.training import Precision
from trainer.towers.assembly import build_image_tower, build_text_tower, split


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
            self.image_parts = split(self.image_tower, config.model.image_tower)
            self.text_parts = split(self.text_tower, config.model.text_tower)
        self.built = True

    def embed_images(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed images.

        Args:
            pixels: uint8 [n, size, size, 3]; or floats of the same shape in 0 to 255, as
                augmentation leaves them.
            training: whether the tower computes as it does while it learns; a backbone that does
                not learn never does.

        Returns:
            float32 [n, embedding_dim]; of length 1 if the config says so.
        """
        if not training or self.config.model.image_tower.backbone_learns:
            return self._finish(self.image_tower(_scaled(pixels), training=training))
        return self._finish(self.image_parts.embed(self.image_features(pixels), training=True))

    def embed_texts(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed captions: int64 [n, tokens], 0 = padding, to float32 [n, embedding_dim]."""
        if not training or self.config.model.text_tower.backbone_learns:
            return self._finish(self.text_tower(tokens, training=training))
        return self._finish(self.text_parts.embed(self.text_features(tokens), training=True))

    def image_features(self, pixels: tf.Tensor) -> tf.Tensor:
        """Compute the input [n, f] of the image tower's head, as it is served; no gradient."""
        return _fixed(self.image_parts.backbone(_scaled(pixels), training=False))

    def text_features(self, tokens: tf.Tensor) -> tf.Tensor:
        """Compute the input [n, f] of the text tower's head, as it is served; no gradient."""
        return _fixed(self.text_parts.backbone(tokens, training=False))

    def embed_image_inputs(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed what a training step gets of images: cached features [n, f], or pixels.

        `trainer.training.data.featurizer` computes the features.
        """
        if self.config.model.image_tower.cached:
            return self._finish(self.image_parts.embed(inputs, training))
        return self.embed_images(inputs, training)

    def embed_text_inputs(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embed what a training step gets of texts: cached features [n, f], or tokens."""
        if self.config.model.text_tower.cached:
            return self._finish(self.text_parts.embed(inputs, training))
        return self.embed_texts(inputs, training)

    def _finish(self, embedding: tf.Tensor) -> tf.Tensor:
        embedding = tf.cast(embedding, tf.float32)
        return tf.math.l2_normalize(embedding, -1) if self.config.model.normalize else embedding


def _scaled(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def _fixed(features: tf.Tensor) -> tf.Tensor:
    return tf.stop_gradient(tf.cast(features, tf.float32))


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
