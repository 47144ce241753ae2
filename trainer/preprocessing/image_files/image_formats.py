"""Decode an image file of any format that ingest keeps, to the pixels that a viewer shows.

TensorFlow's decoders do not apply EXIF orientations, the transparent colour of a GIF or of a PNG
without alpha, nor the palette of a BMP, and fill a GIF with black around its first frame. These
functions do so with operations of the graph, so that training and serving see the same.
"""

import tensorflow as tf

from trainer.preprocessing.graph_functions import rare
from trainer.preprocessing.image_files.image_bytes import (
    EXIF,
    MARGIN,
    contains,
    either,
    find_chunk,
    find_riff_chunk,
    is_at,
    number,
    orientation,
    piece,
    raw,
    window,
)
from trainer.preprocessing.image_files.image_frames import (
    decode_image,
    first_gif_frame,
    first_webp_frame,
)

WHITE = 255.0
_ADOBE = b"\xff\xee\x00\x0eAdobe"
# Marks the colours as inverted CMYK, as every viewer assumes where a JPEG has no such mark.
_ADOBE_CMYK = b"\xff\xd8" + _ADOBE + b"\x00\x64\x00\x00\x00\x00\x00"
_BMP_HEADERS = (40, 52, 56, 64, 108, 124)
_BMP_BITS = (1, 4, 8, 24, 32)
# By orientation: whether to swap top and bottom, and left and right; from 5 on after swapping rows
# and columns.
_FLIPS = [[0, 0], [0, 0], [0, 1], [1, 1], [1, 0], [0, 0], [0, 1], [1, 1], [1, 0]]

# By the first byte: a branch of `decode`, 0 for other formats.
_BRANCHES = [max(0, b"\0\xff\x89GRB".find(bytes([byte]))) for byte in range(256)]

IMAGE = tf.TensorSpec([], tf.string)
Decoded = tuple[tf.Tensor, tf.Tensor]  # uint8 [height, width, channels], and the orientation


def decode(image: tf.Tensor) -> tf.Tensor:
    """Decode one JPEG, PNG, GIF, WebP or BMP to RGB: upright, its first frame, over white.

    Args:
        image: the file's bytes, a scalar string; TensorFlow raises an error if it is damaged.

    Returns:
        float32 [height, width, 3] in 0 to 255.
    """
    image = tf.convert_to_tensor(image)
    first = tf.io.decode_raw(tf.strings.join([piece(image, 0, 1), b"\0"]), tf.uint8)[0]
    branches = [
        # Not an assertion, whose side effect would make it run in graphs that embed only texts.
        lambda: (decode_image(piece(image, 0, 0)), _upright()),
        lambda: _jpeg(image),
        lambda: _png(image),
        lambda: (_gif(image), _upright()),
        lambda: _webp(image),
        lambda: (_bmp(image), _upright()),
    ]
    # The first byte is enough to choose a decoder, which refuses files of other formats.
    native, turned = tf.switch_case(
        tf.gather(tf.constant(_BRANCHES), tf.cast(first, tf.int32)), branches
    )
    native.set_shape([None, None, None])
    native = upright(native, turned)
    channels = tf.shape(native)[-1]
    # 1 = grey, 2 = grey and alpha, 3 = RGB, 4 = RGB and alpha.
    has_alpha = tf.equal(channels, 2) | tf.equal(channels, 4)
    return tf.cond(has_alpha, lambda: _over_white(native), lambda: _rgb(native))


def upright(native: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """Rotate and flip [height, width, channels] by an EXIF orientation, int64 1 to 8."""

    def turn() -> tf.Tensor:
        across = tf.transpose(native, [1, 0, 2])
        rows = tf.cond(turned >= 5, lambda: across, lambda: native)
        dims = tf.concat([tf.gather(tf.constant(_FLIPS) > 0, turned), [False]], 0)
        return tf.raw_ops.Reverse(tensor=rows, dims=dims)

    result = tf.cond(tf.equal(turned, 1), lambda: native, turn)
    result.set_shape([None, None, None])
    return result


def _upright() -> tf.Tensor:
    return tf.constant(1, tf.int64)


def _rgb(colour: tf.Tensor) -> tf.Tensor:
    """Convert uint8 [height, width, 1 or 3] to float32 [height, width, 3]."""
    rgb = tf.cast(tf.broadcast_to(colour, tf.concat([tf.shape(colour)[:2], [3]], 0)), tf.float32)
    rgb.set_shape([None, None, 3])
    return rgb


def _over_white(native: tf.Tensor) -> tf.Tensor:
    """Blend uint8 [height, width, 2 or 4], alpha last, over white: float32 [height, width, 3].

    The result is rounded: TensorFlow's optimiser divides by 255 in one graph and multiplies by
    1 / 255 in another, and the last bit of that must not decide how a resized pixel is rounded. No
    sum is close to a half.
    """
    alpha = tf.cast(native[..., -1:], tf.float32)
    return tf.round((_rgb(native[..., :-1]) * alpha + WHITE * (WHITE - alpha)) / WHITE)


def _jpeg(image: tf.Tensor) -> Decoded:
    four = tf.equal(tf.io.extract_jpeg_shape(image)[2], 4)
    unmarked = tf.cond(four, lambda: ~contains(image, _ADOBE), lambda: False)
    marked = tf.cond(
        unmarked, lambda: tf.strings.join([_ADOBE_CMYK, piece(image, 2)]), lambda: image
    )

    return decode_image(marked), jpeg_orientation(image)


def jpeg_orientation(image: tf.Tensor) -> tf.Tensor:
    """Read the EXIF orientation, int64 1 to 8, of the bytes of a JPEG, a scalar string."""
    # Most files have no EXIF, so most are not searched.
    return tf.cond(contains(image, EXIF), lambda: _searched_jpeg(image), _upright)


@rare(IMAGE)
def _searched_jpeg(image: tf.Tensor) -> tf.Tensor:
    data = raw(image)

    def step(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mark, marker = tf.unstack(window(data, at, 2))
        alone = tf.equal(marker, 1) | ((marker >= 0xD0) & (marker <= 0xD7))
        past = tf.equal(marker, 0xDA) | tf.equal(marker, 0xD9) | tf.not_equal(mark, 0xFF)
        length = either(alone, 0, number(data, at + 2, 2, ">"))
        following = either(tf.equal(marker, 0xFF), at + 1, at + 2 + length)
        is_exif = tf.equal(marker, 0xE1) & is_at(data, at + 4, EXIF)
        return is_exif, either(past, -1, following)

    at = find_chunk(data, 2, step)
    return either(at > 0, orientation(data, at + 4, at + 2 + number(data, at + 2, 2, ">")), 1)


def _png(image: tf.Tensor) -> Decoded:
    def with_alpha() -> tf.Tensor:
        four = tf.io.decode_png(image, channels=4)  # opaque except for the colour in tRNS
        four.set_shape([None, None, None])
        return four

    # The four letters may occur anywhere: if they are not a chunk's name, alpha is 255.
    native = tf.cond(contains(image, b"tRNS"), with_alpha, lambda: decode_image(image))
    return native, tf.cond(contains(image, b"eXIf"), lambda: _searched_png(image), _upright)


@rare(IMAGE)
def _searched_png(image: tf.Tensor) -> tf.Tensor:
    data = raw(image)

    def step(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        following = at + 12 + number(data, at, 4, ">")
        following = either(is_at(data, at + 4, b"IEND"), -1, following)
        return is_at(data, at + 4, b"eXIf"), following

    at = find_chunk(data, 8, step)
    end = at + 8 + number(data, at, 4, ">")
    return either(at > 0, orientation(data, at + 8, end), _upright())


@rare(IMAGE)
def _gif(image: tf.Tensor) -> tf.Tensor:
    return first_gif_frame(image, raw(image))


@rare(IMAGE)
def _webp(image: tf.Tensor) -> Decoded:
    data = raw(image)
    extended = is_at(data, 12, b"VP8X")
    flags = either(extended, number(data, 20, 1), 0)

    def search() -> tf.Tensor:
        at = find_riff_chunk(data, b"EXIF")
        end = at + 8 + number(data, at + 4, 4)
        return either(at > 0, orientation(data, at + 8, end), _upright())

    # TensorFlow 2.21 writes out of bounds on an animated WebP, so it must never decode one.
    native = tf.cond(
        tf.equal(flags & 2, 0), lambda: decode_image(image), lambda: first_webp_frame(image, data)
    )
    return native, tf.cond(tf.equal(flags & 8, 0), _upright, search)


@rare(IMAGE)
def _bmp(image: tf.Tensor) -> tf.Tensor:
    """Decode an uncompressed BMP with 1, 4, 8, 24 or 32 bits a pixel; others are an error."""
    data = raw(image)
    start, header = number(data, 10, 4), number(data, 14, 4)
    size = tf.cast(window(data, 18, 8), tf.uint8)
    width, height = tf.unstack(tf.cast(tf.bitcast(tf.reshape(size, [2, 4]), tf.int32), tf.int64))
    bits, compression = number(data, 28, 2), number(data, 30, 4)
    high, row = tf.abs(height), (width * bits + 31) // 32 * 4  # bytes of a row
    end = start + high * row
    supported = (
        is_at(data, 0, b"BM")
        & tf.reduce_any(tf.equal(header, tf.constant(_BMP_HEADERS, tf.int64)))
        & tf.reduce_any(tf.equal(bits, tf.constant(_BMP_BITS, tf.int64)))
        & tf.equal(compression, 0)
        & (width > 0)
        & (high > 0)
        & (end + MARGIN <= tf.size(data, out_type=tf.int64))
    )
    # An unsupported file raises an error: it has no bytes to reshape to one.
    shape = tf.stack([either(supported, high, 1), either(supported, row, 1)])
    rows = tf.reshape(data[start : either(supported, end, start)], shape)
    rows = tf.cond(height > 0, lambda: rows[::-1], lambda: rows)

    def looked_up() -> tf.Tensor:
        shifts = tf.range(8 - bits, -1, -bits)
        mask = tf.bitwise.left_shift(tf.constant(1, tf.int64), bits) - 1
        places = tf.bitwise.right_shift(tf.cast(rows, tf.int64)[..., None], shifts) & mask
        flat = tf.reshape(places, tf.stack([high, row * (8 // bits)]))[:, :width, None]
        return tf.gather(data, 14 + header + 4 * flat + tf.range(3, dtype=tf.int64))

    def as_they_are() -> tf.Tensor:
        wide = rows[:, : width * (bits // 8)]
        return tf.reshape(wide, tf.stack([high, width, bits // 8]))[..., :3]

    return tf.cond(bits <= 8, looked_up, as_they_are)[..., ::-1]
