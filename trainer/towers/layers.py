"""Layers and operations that several towers use."""

import keras
import tensorflow as tf
from keras import ops

BACKBONE = "backbone"  # name of the layer that holds another library's network
SEED_STATE = "seed_generator_state"  # Keras's name of the state that a dropout layer draws by


class Backbone(keras.layers.Layer):
    """Another library's network as one layer of a tower.

    Args:
        network: built.
    """

    def __init__(self, network: keras.Model):
        super().__init__(name=BACKBONE)
        self.network = network
        self.built = True

    def call(
        self, inputs: tf.Tensor | dict[str, tf.Tensor], training: bool | None = None
    ) -> tf.Tensor:
        """Return the output of the network."""
        return self.network(inputs, training=training)


def batch_norms(tower: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the layers of a tower, and of its backbone, that normalise over the batch."""
    # Keras has no public way into networks within layers.
    layers = tower._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def has_batch_norm(tower: keras.Model) -> bool:
    """Return whether a tower normalises over the batch."""
    return bool(batch_norms(tower))


def space_to_depth(pixels: keras.KerasTensor, side: int = 2) -> keras.KerasTensor:
    """Make square patches channels: [n, side * h, side * w, 3] to [n, h, w, 3 * side^2]."""
    count = pixels.shape[1] // side
    x = keras.layers.Reshape((count, side, count, side, 3))(pixels)
    x = keras.layers.Permute((1, 3, 2, 4, 5))(x)
    return keras.layers.Reshape((count, count, 3 * side * side))(x)


def mean_of_tokens(x: keras.KerasTensor, is_token: keras.KerasTensor) -> keras.KerasTensor:
    """Average vectors over the tokens that are not padding, in float32.

    Args:
        x: [n, tokens, width].
        is_token: [n, tokens], 0 or False at padding.

    Returns:
        [n, width]; zero where there is no token.
    """
    weights = ops.cast(is_token, "float32")[..., None]
    total = ops.sum(ops.cast(x, "float32") * weights, axis=1)
    return total / ops.maximum(ops.sum(weights, axis=1), 1.0)
