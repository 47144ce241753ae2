"""Random changes of training images, as TensorFlow operations on a whole batch."""

import tensorflow as tf

from trainer.config.training import AugmentConfig

PIECE = 512  # images changed at once


def augment(pixels: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    """Shift, zoom, stretch and recolour each image of a batch by random amounts of its own.

    Args:
        pixels: uint8 [n, height, width, 3].
        config: the largest amount of each change.
        seed: int [2]; the same seed gives the same changes.

    Returns:
        float32 of the same shape, about 0 to 255; pixels from outside the image are white.
    """
    images = tf.cast(pixels, tf.float32)
    moves, colours = tf.unstack(tf.random.split(seed, 2))
    if config.shift or config.zoom or config.stretch:
        images = _move(images, config, moves)
    if config.brightness or config.contrast or config.colour:
        images = _recolour(images, config, colours)
    return images


def augment_in_pieces(pixels: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    """Augment a large batch `PIECE` images at a time, to bound the memory for intermediates.

    A batch whose size is not a multiple of `PIECE` is augmented as a whole. Arguments and result
    are those of `augment`.
    """
    count, *shape = pixels.shape
    if count is None or count <= PIECE or count % PIECE:
        return augment(pixels, config, seed)
    pieces = tf.reshape(pixels, [count // PIECE, PIECE, *shape])
    augmented = tf.map_fn(
        lambda piece: augment(piece[0], config, piece[1]),
        (pieces, tf.random.split(seed, count // PIECE)),
        fn_output_signature=tf.float32,
        parallel_iterations=1,
    )
    return tf.reshape(augmented, [count, *shape])


def _move(images: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    # Cropping boxes takes a third of the time of a projective transform.
    number = tf.shape(images)[:1]
    amounts = tf.random.stateless_uniform([4, number[0]], seed, -1.0, 1.0)
    zoom = 1 + config.zoom * amounts[0]
    stretch = tf.sqrt(1 + config.stretch * amounts[1])
    centres = 0.5 + config.shift * amounts[2:]
    halves = 0.5 * tf.stack([zoom / stretch, zoom * stretch])
    boxes = tf.concat([centres - halves, centres + halves], axis=0)  # top, left, bottom, right
    return tf.image.crop_and_resize(
        images,
        tf.transpose(boxes),
        box_indices=tf.range(number[0]),
        crop_size=tf.shape(images)[1:3],
        extrapolation_value=255.0,
    )


def _recolour(images: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    number, height, width, channels = tf.unstack(tf.shape(images))
    amounts = tf.random.stateless_uniform([number, 1, 8], seed, -1.0, 1.0)

    def per_row(values: tf.Tensor) -> tf.Tensor:
        # Eigen broadcasts slowly over three channels, and fast over a whole row of pixels.
        return tf.tile(values, [1, 1, width])

    # Colour changes contrast and brightness of each channel by amounts of its own.
    contrast = 1.0 + config.contrast * amounts[..., :1] + config.colour * amounts[..., 2:5]
    brightness = config.brightness * amounts[..., 1:2] + config.colour * amounts[..., 5:]
    brightness *= 255.0
    # Contrast is relative to middle grey; folded into one multiplication and one addition.
    offset = brightness + 127.5 * (1.0 - contrast)
    rows = tf.reshape(images, [number, height, width * channels])
    return tf.reshape(rows * per_row(contrast) + per_row(offset), tf.shape(images))
