"""Image towers: pixels in, one vector per image out."""

import keras
import tensorflow as tf

from trainer.config.pretrained import KerasApplicationConfig, KerasHubImageConfig
from trainer.config.towers import ConvConfig, ConvNetConfig, ImageTower, ViTConfig
from trainer.models import keras_applications, keras_hub
from trainer.models.transformer import Block, Norm, Positions, mean_of_tokens


def build(config: ImageTower, size: int, embedding_dim: int) -> keras.Model:
    """The tower of a config.

    Returns:
        A model from float32 [n, size, size, 3] in -1 to 1 to float32 [n, embedding_dim].
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    match config:
        case ConvConfig():
            body = _conv(config, pixels)
        case ConvNetConfig():
            body = _convnet(config, pixels)
        case ViTConfig():
            body = _vit(config, pixels)
        case KerasApplicationConfig():
            body = keras_applications.body(config, pixels)
        case KerasHubImageConfig():
            body = keras_hub.image_body(config, pixels)
    projection = keras.layers.Dense(embedding_dim, name="projection")
    tower = keras.Model(pixels, projection(body), name="image_tower")
    tower.trainable = not config.frozen or config.spares_projection
    return tower


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


def _vit(config: ViTConfig, pixels: keras.KerasTensor) -> keras.KerasTensor:
    # A product with the flattened patches is the strided convolution that papers draw.
    patches = space_to_depth(pixels, config.patch)
    count = patches.shape[1] * patches.shape[2]
    x = keras.layers.Reshape((count, patches.shape[3]))(patches)
    x = Positions(count)(keras.layers.Dense(config.width, use_bias=False, name="patches")(x))
    is_token = keras.ops.ones_like(x[:, :, 0])
    for _ in range(config.depth):
        x = Block(config.width, config.heads, config.mlp_ratio, config.dropout)(x, is_token)
    return mean_of_tokens(Norm()(x), is_token)


def space_to_depth(pixels: keras.KerasTensor, side: int = 2) -> keras.KerasTensor:
    """Square patches as channels: [n, side * h, side * w, 3] to [n, h, w, 3 * side^2]."""
    count = pixels.shape[1] // side
    x = keras.layers.Reshape((count, side, count, side, 3))(pixels)
    x = keras.layers.Permute((1, 3, 2, 4, 5))(x)
    return keras.layers.Reshape((count, count, 3 * side * side))(x)


def _normalise_and_activate(x: keras.KerasTensor) -> keras.KerasTensor:
    # Momentum 0.9 and not Keras's 0.99: short runs must not evaluate with stale statistics.
    # Over the whole batch, also where several workers hold a part of it each.
    parts = tf.distribute.get_strategy().num_replicas_in_sync
    normalise = keras.layers.BatchNormalization(momentum=0.9, synchronized=parts > 1)
    return keras.layers.ReLU()(normalise(x))
