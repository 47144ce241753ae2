"""From image bytes to pixels: the same graph in training and in serving.

Transform stores an image in the size that the tower gets; it becomes a square where it is read. A
file that has this size already is stored as it is, see `fitting`.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from trainer.config.transform import Fit, ImageConfig
from trainer.preprocessing.graph_functions import rare
from trainer.preprocessing.image_files.fitting import fits
from trainer.preprocessing.image_files.image_formats import IMAGE, WHITE, decode

_RAW = b"\x08\x04\x12"  # how a serialized uint8 tensor begins, and no image file
_LONGEST = 16  # a cropped image's larger side before resizing, in smaller sides
Function = Callable[[tf.Tensor], tf.Tensor]


def transform(images: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Bring a batch to the right size: any supported files [n] to bytes [n] for `read`."""
    return _functions(config)[0](images)


def transform_and_read(image: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Compose `transform` and `read`: a scalar string to uint8 [size, size, 3]."""
    square = _functions(config)[1](image)
    square.set_shape([config.size, config.size, 3])
    return square


def read(stored: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    """Decode what `transform` returns, and make it square.

    Args:
        stored: a scalar string; its first bytes say how it is stored.
        config: the `image` section.

    Returns:
        uint8 [size, size, 3].
    """
    size = config.size
    pixels = tf.cond(
        tf.equal(tf.strings.substr(stored, 0, len(_RAW)), _RAW),
        lambda: tf.io.parse_tensor(stored, tf.uint8),
        lambda: to_square(_decoded(stored), size),
    )
    return tf.ensure_shape(pixels, [size, size, 3])


def fit_to_square(rgb: tf.Tensor, size: int, fit: Fit) -> tf.Tensor:
    """Resize with antialiasing to a square and keep the aspect ratio.

    Args:
        rgb: float32 [height, width, 3] in 0 to 255.
        size: side of the square in pixels.
        fit: 'pad' shows the whole image on white; 'crop' fills the square with its centre.

    Returns:
        uint8 [size, size, 3].
    """
    return to_square(_resize(rgb, size, fit), size)


def to_square(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Cut off what is outside a centred square and pad what is missing with white.

    Args:
        pixels: uint8 [height, width, 3].
        size: side of the square.

    Returns:
        uint8 [size, size, 3].
    """
    # tf.image.resize_with_crop_or_pad asserts at run time, and TensorFlow never prunes an op that
    # can fail: a graph with it could not embed a text without an image.
    square = _cropped(pixels, size)
    missing = size - tf.shape(square)[:2]
    before = missing // 2
    edges = tf.stack([before, missing - before], axis=1)
    square = tf.pad(square, tf.pad(edges, [[0, 1], [0, 0]]), constant_values=int(WHITE))
    square.set_shape([size, size, 3])
    return square


@functools.cache
def _functions(config: ImageConfig) -> tuple[Function, Function]:
    """Make `transform` and `transform_and_read`, which are traced once in a process.

    Tracing the decoders takes longer than a thousand images, and Transform traces its graph ten
    times.
    """
    size, stored = config.size, config.stored

    @rare(IMAGE)
    def resized(image: tf.Tensor) -> tf.Tensor:
        return _resize(decode(image), size, config.fit)

    def encoded(image: tf.Tensor) -> tf.Tensor:
        return _encode(_cropped(resized(image), size), config)

    def stored_bytes(image: tf.Tensor) -> tf.Tensor:
        if stored == "raw":
            return tf.io.serialize_tensor(pixels_of(image))
        return tf.cond(fits(image, config), lambda: image, lambda: encoded(image))

    def pixels_of(image: tf.Tensor) -> tf.Tensor:
        def lossy() -> tf.Tensor:
            return to_square(_decoded(encoded(image)), size)

        def lossless() -> tf.Tensor:
            return to_square(resized(image), size)

        return tf.cond(
            fits(image, config),
            lambda: to_square(_decoded(image), size),
            lossy if stored == "jpeg" else lossless,
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def batch(images: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(stored_bytes, images, fn_output_signature=tf.string)

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def single(image: tf.Tensor) -> tf.Tensor:
        return pixels_of(image)

    return batch, single


def _resize(rgb: tf.Tensor, size: int, fit: Fit) -> tf.Tensor:
    """Resize float32 [height, width, 3] so that the larger ('pad') or smaller side is `size`.

    Returns:
        uint8 [height, width, 3].
    """
    if fit == "crop":
        # A row of pixels would become gigabytes, of which one square is kept.
        rgb = _cropped(rgb, _LONGEST * tf.reduce_min(tf.shape(rgb)[:2]))
    sides = tf.cast(tf.shape(rgb)[:2], tf.float32)
    reference = tf.reduce_max(sides) if fit == "pad" else tf.reduce_min(sides)
    scaled = tf.maximum(1, tf.cast(tf.round(sides * (size / reference)), tf.int32))
    resized = tf.cond(
        tf.reduce_all(tf.equal(scaled, tf.shape(rgb)[:2])),
        lambda: rgb,  # this saves half of the time
        lambda: tf.image.resize(rgb, scaled, antialias=True),
    )
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, WHITE), tf.uint8)


def _cropped(pixels: tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    cut = tf.maximum(0, tf.shape(pixels)[:2] - size) // 2
    return pixels[cut[0] : cut[0] + size, cut[1] : cut[1] + size]


def _decoded(stored: tf.Tensor) -> tf.Tensor:
    # It decodes a PNG, too: which of both it is, the first bytes say.
    pixels = tf.io.decode_jpeg(stored, channels=3)
    pixels.set_shape([None, None, 3])
    return pixels


def _encode(pixels: tf.Tensor, config: ImageConfig) -> tf.Tensor:
    if config.stored == "jpeg":
        return tf.io.encode_jpeg(pixels, quality=95, chroma_downsampling=False)
    return tf.io.encode_png(pixels, compression=1)
