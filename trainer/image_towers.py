"""Image towers: pixels in, one vector per image out."""

import keras
import tensorflow as tf

from trainer.config import ConvConfig, ConvNetConfig, ImageTower


def build(config: ImageTower, size: int, embedding_dim: int) -> keras.Model:
    """The tower of a config.

    Returns:
        A model from float32 [n, size, size, 3] in -1 to 1 to float32 [n, embedding_dim].
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    body = _conv(config, pixels) if isinstance(config, ConvConfig) else _convnet(config, pixels)
    projection = keras.layers.Dense(embedding_dim, name="projection")
    return keras.Model(pixels, projection(body), name="image_tower")


def _conv(config: ConvConfig, pixels: keras.KerasTensor) -> keras.KerasTensor:
    x = keras.layers.Conv2D(config.filters, 3, activation="relu")(pixels)
    return keras.layers.Flatten()(keras.layers.MaxPooling2D(2)(x))


def _convnet(config: ConvNetConfig, pixels: keras.KerasTensor) -> keras.KerasTensor:
    # Patches of 2 x 2 pixels become channels first: a convolution over three channels keeps a
    # CPU mostly waiting, one over twelve at half the side keeps it computing.
    x = space_to_depth(pixels)
    for stage, width in enumerate(config.widths):
        x = keras.layers.Conv2D(
            width, 3, strides=1 if stage == 0 else 2, padding="same", use_bias=False
        )(x)
        x = _normalise_and_activate(x)
    return keras.layers.Dropout(config.dropout)(keras.layers.Flatten()(x))


def space_to_depth(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Patches of 2 x 2 pixels as channels: [n, 2h, 2w, 3] to [n, h, w, 12]."""
    side = pixels.shape[1] // 2
    x = keras.layers.Reshape((side, 2, side, 2, 3))(pixels)
    x = keras.layers.Permute((1, 3, 2, 4, 5))(x)
    return keras.layers.Reshape((side, side, 12))(x)


def _normalise_and_activate(x: keras.KerasTensor) -> keras.KerasTensor:
    # Momentum 0.9 and not Keras's 0.99: short runs must not evaluate with stale statistics.
    # Over the whole batch, also where several workers hold a part of it each.
    parts = tf.distribute.get_strategy().num_replicas_in_sync
    normalise = keras.layers.BatchNormalization(momentum=0.9, synchronized=parts > 1)
    return keras.layers.ReLU()(normalise(x))
