"""Small networks of KerasHub, inputs for them, and what a projection makes of their features."""

import keras
import numpy as np
import tensorflow as tf

from trainer.config.transform import TextConfig

TEXT = TextConfig(vocabulary_size=40, max_tokens=6)
BERT = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8}
VIT = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8, "patch_size": 8}
DENSE = {"stackwise_num_repeats": [1, 1]}
TOKENS = tf.constant([[3, 4, 5, 0, 0, 0], [7, 0, 0, 0, 0, 0]], tf.int64)
RANDOM = np.random.default_rng(0)


def pixels(size: int = 32) -> np.ndarray:
    return RANDOM.integers(0, 256, (2, size, size, 3)).astype(np.float32)


def scaled(given: np.ndarray) -> tf.Tensor:
    """As `DualEncoder.embed_images` scales them."""
    return tf.constant(given / 127.5 - 1.0)


def projected(tower: keras.Model, features: np.ndarray) -> np.ndarray:
    kernel, bias = tower.get_layer("projection").get_weights()
    return features @ kernel + bias
