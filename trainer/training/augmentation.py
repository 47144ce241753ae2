"""Random changes of training images, a whole batch in one graph."""

import tensorflow as tf

from trainer.config.training import AugmentConfig

PIECE = 512  # images


def augment(pixels: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    """Shift, zoom, stretch and recolour every image of a batch by its own random amounts.

    Args:
        pixels: uint8 [n, height, width, 3].
        config: the size of each change.
        seed: int [2]; the same seed, the same changes.

    Returns:
        float32 of the same shape, about 0 to 255; what moves in from outside is white.
    """
    images = tf.cast(pixels, tf.float32)
    moves, colours = tf.unstack(tf.random.split(seed, 2))
    if config.shift or config.zoom or config.stretch:
        images = _move(images, config, moves)
    if config.brightness or config.contrast or config.colour:
        images = _recolour(images, config, colours)
    return images


def augment_in_pieces(pixels: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    """As `augment`, a part of a large batch at a time: what it needs besides is that part's.

    A batch that is no multiple of `PIECE` is taken as a whole.
    """
    count, *shape = pixels.shape
    if count is None or count <= PIECE or count % PIECE:
        return augment(pixels, config, seed)
    pieces = tf.reshape(pixels, [count // PIECE, PIECE, *shape])
    done = tf.map_fn(
        lambda piece: augment(piece[0], config, piece[1]),
        (pieces, tf.random.split(seed, count // PIECE)),
        fn_output_signature=tf.float32,
        parallel_iterations=1,
    )
    return tf.reshape(done, [count, *shape])


def _move(images: tf.Tensor, config: AugmentConfig, seed: tf.Tensor) -> tf.Tensor:
    # A crop of boxes takes a third of the time of a projective transform.
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
        # Eigen is slow to broadcast over three channels and fast over a whole row of pixels.
        return tf.tile(values, [1, 1, width])

    one, other = config.colour * amounts[..., 2:5], config.colour * amounts[..., 5:]
    contrast = 1.0 + config.contrast * amounts[..., :1] + one
    brightness = 255.0 * (config.brightness * amounts[..., 1:2] + other)
    # About the middle grey, folded into one multiplication and one addition per value.
    offset = brightness + 127.5 * (1.0 - contrast)
    rows = tf.reshape(images, [number, height, width * channels])
    return tf.reshape(rows * per_row(contrast) + per_row(offset), tf.shape(images))
