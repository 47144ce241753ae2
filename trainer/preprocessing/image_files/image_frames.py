"""The first frame of a GIF or of an animated WebP, on its canvas, with TensorFlow operations."""

import tensorflow as tf

from trainer.preprocessing.image_files.image_bytes import (
    MARGIN,
    as_string,
    either,
    find_riff_chunk,
    is_at,
    number,
    piece,
)

_EXTENSION, _GRAPHIC_CONTROL = 0x21, 0xF9
_HAS_ALPHA = 0x10
_MOST_PIXELS = 2**27  # of a canvas: a file of a hundred bytes can claim any size


def first_gif_frame(image: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    """Decode the first frame of a GIF; white where it is transparent and around it.

    Before decoding, the transparent colour of the palette is set to white and the frame is moved to
    the corner.

    Source: CompuServe, Graphics Interchange Format, version 89a.

    Args:
        image: the file's bytes, a scalar string.
        data: the same bytes as numbers, see `image_bytes.raw`.

    Returns:
        uint8 [height, width, 3].
    """
    at, control = _before_gif_frame(data)
    left, top, wide, high = (number(data, at + 1 + 2 * i, 2) for i in range(4))
    own = _palette_bytes(number(data, at + 9, 1))
    palette = either(own > 0, at + 10, 13)
    colours = either(own > 0, own, _palette_bytes(number(data, 10, 1))) // 3
    clear = number(data, control + 6, 1)
    flags = number(data, control + 3, 1)
    has_clear = (control > 0) & (flags % 2 > 0) & (clear < colours)

    def without_clear() -> tf.Tensor:
        # TensorFlow shows transparent pixels in black.
        opaque = _replaced(image, control + 3, as_string(flags - 1, 1), 1)
        return _replaced(opaque, palette + 3 * clear, b"\xff\xff\xff", 3)

    shown = tf.cond(has_clear, without_clear, lambda: image)
    # TensorFlow's canvas has the size of the largest frame, not the one that the file gives.
    frame = decode_image(_replaced(shown, at + 1, bytes(4), 4))[:high, :wide]
    return _on_canvas(frame, left, top, number(data, 6, 2), number(data, 8, 2))


def first_webp_frame(image: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    """Decode the first frame of an animated WebP by converting it to a still WebP.

    Source: RFC 9649, sections 2.3 to 2.7.

    Args:
        image: the file's bytes, a scalar string.
        data: the same bytes as numbers, see `image_bytes.raw`.

    Returns:
        uint8 [height, width, 3 or 4]; opaque white around the frame.
    """
    at = find_riff_chunk(data, b"ANMF")
    body = piece(image, at + 24, number(data, at + 4, 4) - 16)
    size = piece(image, at + 14, 6)  # as a still image's header has it
    still = tf.cond(
        is_at(data, at + 24, b"ALPH"),
        lambda: tf.strings.join([b"VP8X\x0a\0\0\0", bytes([_HAS_ALPHA, 0, 0, 0]), size, body]),
        lambda: body,
    )
    length = as_string(tf.cast(tf.strings.length(still), tf.int64) + 4, 4)
    frame = decode_image(tf.strings.join([b"RIFF", length, b"WEBP", still]))
    left, top = 2 * number(data, at + 8, 3), 2 * number(data, at + 11, 3)
    return _on_canvas(frame, left, top, number(data, 24, 3) + 1, number(data, 27, 3) + 1)


def decode_image(image: tf.Tensor) -> tf.Tensor:
    """Decode with TensorFlow's own decoder: uint8 [height, width, channels] of the first frame."""
    native = tf.io.decode_image(image, channels=0, expand_animations=False)
    native.set_shape([None, None, None])
    return native


def _replaced(image: tf.Tensor, at: tf.Tensor, new: tf.Tensor | bytes, count: int) -> tf.Tensor:
    return tf.strings.join([piece(image, 0, at), new, piece(image, at + count)])


def _before_gif_frame(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the first frame and the last graphic control extension before it, 0 if there is none."""
    size = tf.size(data, out_type=tf.int64) - MARGIN

    def go_on(at: tf.Tensor, inside: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return (at < size) & (inside | tf.equal(number(data, at, 1), _EXTENSION))

    def skip(at: tf.Tensor, inside: tf.Tensor, control: tf.Tensor) -> tuple[tf.Tensor, ...]:
        length = number(data, at, 1)  # of the next block of an extension, 0 after the last
        found = ~inside & tf.equal(number(data, at + 1, 1), _GRAPHIC_CONTROL)
        return (
            at + either(inside, 1 + length, 2),
            ~inside | (length > 0),
            either(found, at, control),
        )

    start = (
        13 + _palette_bytes(number(data, 10, 1)),
        tf.constant(False),
        tf.constant(0, tf.int64),
    )
    at, _, control = tf.while_loop(go_on, skip, start, parallel_iterations=1)
    return at, control


def _palette_bytes(flags: tf.Tensor) -> tf.Tensor:
    return either(flags >= 128, 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8), 0)


def _on_canvas(
    frame: tf.Tensor, left: tf.Tensor, top: tf.Tensor, width: tf.Tensor, height: tf.Tensor
) -> tf.Tensor:
    """Pad a frame with white to its canvas; it is an error if it does not fit, or is huge."""
    high, wide, _ = tf.unstack(tf.shape(frame, out_type=tf.int64))
    below = either(width * height <= _MOST_PIXELS, height - top - high, -1)  # -1: an error of pad
    edges = [[top, below], [left, width - left - wide], [0, 0]]
    padded = tf.pad(frame, tf.stack(edges), constant_values=255)
    padded.set_shape([None, None, None])
    return padded
