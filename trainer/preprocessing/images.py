"""From image bytes to pixels: the same graph in training and in serving."""

import functools
from collections.abc import Callable

import tensorflow as tf

from trainer.config.transform import Fit, ImageConfig
from trainer.preprocessing.image_formats import WHITE, decode


def fit_to_square(rgb: tf.Tensor, size: int, fit: Fit) -> tf.Tensor:
    """Resize with antialiasing to a square and keep the aspect ratio.

    Args:
        rgb: float32 [height, width, 3] in 0 to 255.
        size: side of the square in pixels.
        fit: 'pad' shows the whole image on white; 'crop' fills the square with its centre.

    Returns:
        uint8 [size, size, 3].
    """
    sides = tf.cast(tf.shape(rgb)[:2], tf.float32)
    reference = tf.reduce_max(sides) if fit == "pad" else tf.reduce_min(sides)
    scaled = tf.maximum(1, tf.cast(tf.round(sides * (size / reference)), tf.int32))
    resized = tf.cond(
        tf.reduce_all(tf.equal(scaled, tf.shape(rgb)[:2])),
        lambda: rgb,  # as `data.max_side` may leave it; this saves half of the time
        lambda: tf.image.resize(rgb, scaled, antialias=True),
    )
    # tf.image.resize_with_crop_or_pad asserts at run time, and TensorFlow never prunes an op that
    # can fail: a graph with it could not embed a text without an image.
    cut = tf.maximum(0, scaled - size) // 2
    square = resized[cut[0] : cut[0] + size, cut[1] : cut[1] + size]
    missing = size - tf.shape(square)[:2]
    before = missing // 2
    edges = tf.stack([before, missing - before], axis=1)
    square = tf.pad(square, tf.pad(edges, [[0, 1], [0, 0]]), constant_values=WHITE)
    square.set_shape([size, size, 3])
    return tf.cast(tf.clip_by_value(tf.round(square), 0.0, WHITE), tf.uint8)


def transform(images: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Decode, resize and re-encode a batch: any supported bytes [n] to small bytes [n]."""
    return _batch_function(config)(images)


def transform_and_read(image: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Compose `transform` and `read`: a scalar string to uint8 [size, size, 3]."""
    square = fit_to_square(decode(image), config.size, config.fit)
    return read(_encode(square, config), config) if config.encoding == "jpeg" else square


@functools.cache
def _batch_function(config: ImageConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def transformed(images: tf.Tensor) -> tf.Tensor:
        def one(image: tf.Tensor) -> tf.Tensor:
            return _encode(fit_to_square(decode(image), config.size, config.fit), config)

        return tf.map_fn(one, images, fn_output_signature=tf.string)

    return transformed


def _encode(square: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    if config.encoding == "jpeg":
        return tf.io.encode_jpeg(square, quality=95, chroma_downsampling=False)
    return tf.io.encode_png(square, compression=1)  # the file of records is compressed anyway


def read(encoded: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Undo the encoding of `transform`: a scalar string to uint8 [size, size, 3]."""
    decoder = tf.io.decode_jpeg if config.encoding == "jpeg" else tf.io.decode_png
    pixels = decoder(encoded, channels=3)
    pixels.set_shape([config.size, config.size, 3])
    return pixels
