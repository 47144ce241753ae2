"""Say of an image file, by its header, whether it has the size that the image tower gets.

Ingest shrinks images to that size. A file that fits needs no resizing: Transform passes its bytes
through, and they are decoded once, where pixels are read. Serving does the same.
"""

import tensorflow as tf

from trainer.config.transform import ImageConfig
from trainer.preprocessing.image_files.image_bytes import contains, number, raw
from trainer.preprocessing.image_files.image_formats import jpeg_orientation

_HEADER = 32  # bytes, of which a PNG's take 29
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
_GREY, _RGB, _PALETTE = 0, 2, 3  # colour types of a PNG without alpha


def fits(image: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Return whether a file needs no resizing, and shows the same with or without `decode`.

    A JPEG in grey or RGB fits, and a PNG without transparency of 8 bits a sample if pixels are
    stored as PNG; both upright. Its larger side is `image.size`, or its smaller one if the image is
    cropped.

    Args:
        image: the file's bytes, a scalar string; TensorFlow raises an error if the header of a JPEG
            is damaged, as the decoder would.
        config: the `image` section.

    Returns:
        A boolean scalar.
    """

    def other() -> tf.Tensor:
        if config.stored != "png":
            return tf.constant(False)
        return tf.cond(_begins(image, _PNG), lambda: _png(image, config), lambda: False)

    return tf.cond(_begins(image, _JPEG), lambda: _jpeg(image, config), other)


def _begins(image: tf.Tensor, expected: bytes) -> tf.Tensor:
    return tf.equal(tf.strings.substr(image, 0, len(expected)), expected)


def _right_size(height: tf.Tensor, width: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    side = tf.maximum(height, width) if config.fit == "pad" else tf.minimum(height, width)
    return tf.equal(side, config.size)


def _jpeg(image: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    height, width, channels = tf.unstack(tf.io.extract_jpeg_shape(image))
    # With four channels it is CMYK.
    right = _right_size(height, width, config) & tf.not_equal(channels, 4)

    def upright() -> tf.Tensor:
        return tf.equal(jpeg_orientation(image), 1)

    return tf.cond(right, upright, lambda: False)


def _png(image: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    head = raw(tf.strings.substr(image, 0, _HEADER))
    width, height = number(head, 16, 4, ">"), number(head, 20, 4, ">")
    bits, colour = number(head, 24, 1), number(head, 25, 1)
    opaque = tf.reduce_any(tf.equal(colour, tf.constant([_GREY, _RGB, _PALETTE], tf.int64)))
    right = _right_size(height, width, config) & tf.equal(bits, 8) & opaque

    def plain() -> tf.Tensor:
        return ~contains(image, b"tRNS") & ~contains(image, b"eXIf")

    return tf.cond(right, plain, lambda: False)
