"""Random changes of training images, a whole batch in one graph."""

import tensorflow as tf

from trainer.config import AugmentConfig


def augment(pixels: tf.Tensor, config: AugmentConfig) -> tf.Tensor:
    """Shift, zoom, stretch and recolour every image of a batch by its own random amounts.

    Args:
        pixels: uint8 [n, height, width, 3].
        config: the size of each change.

    Returns:
        float32 of the same shape, about 0 to 255; what moves in from outside is white.
    """
    images = tf.cast(pixels, tf.float32)
    if config.shift or config.zoom or config.stretch:
        images = _move(images, config)
    if config.brightness or config.contrast or config.colour:
        images = _recolour(images, config)
    return images


def _move(images: tf.Tensor, config: AugmentConfig) -> tf.Tensor:
    _, height, width, _ = tf.unstack(tf.cast(tf.shape(images), tf.float32))
    number = [tf.shape(images)[0]]
    zoom = tf.random.uniform(number, 1 - config.zoom, 1 + config.zoom)
    stretch = tf.sqrt(tf.random.uniform(number, 1 - config.stretch, 1 + config.stretch))
    across, down = zoom * stretch, zoom / stretch
    left = tf.random.uniform(number, -config.shift, config.shift) * width
    top = tf.random.uniform(number, -config.shift, config.shift) * height
    zero = tf.zeros(number)
    # Rows of a projective transform, output to input; scaling about the centre of the image.
    transforms = tf.stack(
        [
            across,
            zero,
            (1 - across) * (width - 1) / 2 + left,
            zero,
            down,
            (1 - down) * (height - 1) / 2 + top,
            zero,
            zero,
        ],
        axis=1,
    )
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=255.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _recolour(images: tf.Tensor, config: AugmentConfig) -> tf.Tensor:
    number = tf.shape(images)[0]

    def draw(amount: float, channels: int) -> tf.Tensor:
        return tf.random.uniform([number, 1, 1, channels], -amount, amount)

    contrast = 1.0 + draw(config.contrast, 1) + draw(config.colour, 3)
    brightness = 255.0 * (draw(config.brightness, 1) + draw(config.colour, 3))
    # About the middle grey, folded into one multiplication and one addition per value.
    return images * contrast + (brightness + 127.5 * (1.0 - contrast))
