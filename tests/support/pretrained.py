"""Pixels for pretrained towers, and what their projection makes of features."""

import keras
import numpy as np
import tensorflow as tf

RANDOM = np.random.default_rng(0)


def pixels(size: int = 32) -> np.ndarray:
    return RANDOM.integers(0, 256, (2, size, size, 3)).astype(np.float32)


def scaled(given: np.ndarray) -> tf.Tensor:
    """As `DualEncoder.embed_images` scales them."""
    return tf.constant(given / 127.5 - 1.0)


def projected(tower: keras.Model, features: np.ndarray) -> np.ndarray:
    kernel, bias = tower.get_layer("projection").get_weights()
    return features @ kernel + bias
