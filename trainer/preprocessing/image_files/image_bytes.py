"""Read the structure of an image file with TensorFlow operations: numbers, chunks, orientation.

These functions cannot fail on a damaged file: missing bytes read as zeros. Positions are int64.
"""

from collections.abc import Callable

import tensorflow as tf

from trainer.preprocessing.graph_functions import shared

MARGIN = 32  # zeros behind the last byte, so that a number may be read anywhere
EXIF = b"Exif\0\0"
_ORIENTATION, _SHORT = 0x0112, 3
_MAX_ENTRIES = 1000  # of a directory; real files have some dozens


DATA, AT = tf.TensorSpec([None], tf.uint8), tf.TensorSpec([], tf.int64)
_NUMBERS = tf.TensorSpec([None], tf.int64)


def raw(image: tf.Tensor) -> tf.Tensor:
    """Convert a scalar string to uint8 [length + MARGIN]."""
    return tf.io.decode_raw(tf.strings.join([image, b"\0" * MARGIN]), tf.uint8)


def number(data: tf.Tensor, at: tf.Tensor | int, count: int, order: str = "<") -> tf.Tensor:
    """Read an unsigned integer.

    Args:
        data: see `raw`.
        at: position of the first byte.
        count: of bytes, at most 4.
        order: '<' for the lowest byte first, '>' for the highest.
    """
    weights = [256**i for i in range(count)]
    weights = weights if order == "<" else weights[::-1]
    return _weighted(data, _int64(at), tf.constant(weights, tf.int64))


def either(condition: tf.Tensor, yes: tf.Tensor | int, no: tf.Tensor | int) -> tf.Tensor:
    """Choose between int64 numbers."""
    return tf.where(condition, _int64(yes), _int64(no))


def window(data: tf.Tensor, at: tf.Tensor | int, count: int) -> tf.Tensor:
    """Return `count` <= MARGIN bytes from a position on, int64 [count]."""
    return tf.ensure_shape(_window(data, _int64(at), tf.constant([count], tf.int64)), [count])


def is_at(data: tf.Tensor, at: tf.Tensor | int, expected: bytes) -> tf.Tensor:
    """Return whether some bytes are at a position."""
    return _is_at(data, _int64(at), tf.constant(list(expected), tf.int64))


def _int64(value: tf.Tensor | int) -> tf.Tensor:
    return tf.cast(value, tf.int64) if tf.is_tensor(value) else tf.constant(value, tf.int64)


def piece(image: tf.Tensor, start: tf.Tensor | int, length: tf.Tensor | int = 2**31) -> tf.Tensor:
    """Cut bytes out of a scalar string; by default up to its end."""
    return tf.strings.substr(image, _int64(start), _int64(length))


def contains(image: tf.Tensor, wanted: bytes) -> tf.Tensor:
    """Return whether a scalar string contains some bytes, at the speed of a plain search."""
    parts = tf.raw_ops.StringSplitV2(input=image[None], sep=wanted, maxsplit=1)
    return tf.greater(tf.size(parts.values), 1)


def as_string(value: tf.Tensor, count: int) -> tf.Tensor:
    """Write an unsigned integer as a string of `count` bytes, the lowest first."""
    digits = tf.bitwise.bitwise_and(
        tf.bitwise.right_shift(value, tf.constant([8 * i for i in range(count)], tf.int64)), 255
    )
    return tf.strings.reduce_join(tf.gather(tf.constant([bytes([i]) for i in range(256)]), digits))


def find_chunk(
    data: tf.Tensor, start: int, step: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
) -> tf.Tensor:
    """Find a chunk by going from one to the next.

    Args:
        data: see `raw`.
        start: position of the first chunk.
        step: maps a chunk's position to whether it is the wanted one, and to the position of the
            next, which is larger; a negative position ends the search.

    Returns:
        Position of the chunk, 0 if there is none.
    """
    size = tf.size(data, out_type=tf.int64) - MARGIN

    def unfinished(at: tf.Tensor, result: tf.Tensor) -> tf.Tensor:
        return (at >= 0) & (at < size) & tf.equal(result, 0)

    def advance(at: tf.Tensor, result: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        wanted, following = step(at)
        return following, either(wanted, at, result)

    first = tf.constant(start, tf.int64), tf.constant(0, tf.int64)
    return tf.while_loop(unfinished, advance, first, parallel_iterations=1)[1]


@shared(DATA, AT, tf.TensorSpec([1], tf.int64))
def _window(data: tf.Tensor, at: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    last = tf.size(data, out_type=tf.int64) - count
    start = tf.maximum(tf.minimum(at, last), 0)
    return tf.cast(tf.slice(data, start, count), tf.int64)


@shared(DATA, AT, _NUMBERS)
def _weighted(data: tf.Tensor, at: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(_window(data, at, tf.shape(weights, tf.int64)) * weights)


@shared(DATA, AT, _NUMBERS)
def _is_at(data: tf.Tensor, at: tf.Tensor, expected: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(tf.equal(_window(data, at, tf.shape(expected, tf.int64)), expected))


def find_riff_chunk(data: tf.Tensor, name: bytes) -> tf.Tensor:
    """Return the position of the first chunk of a name in a RIFF file, 0 if there is none."""
    return _riff_chunk(data, tf.constant(list(name), tf.int64))


@shared(DATA, AT, AT)
def orientation(data: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """Read the EXIF orientation, 1 to 8, of a TIFF block; 1 (upright) if it holds no valid one.

    Viewers show an image with a damaged EXIF block upright, so it does not count as damaged.

    Source: CIPA DC-008 (EXIF 3.0), 4.6.2 and 4.6.5.1.6.

    Args:
        data: see `raw`.
        start: position of the block; the six bytes of `EXIF` may come first.
        end: position after it.
    """
    start = either(is_at(data, start, EXIF), start + len(EXIF), start)
    end = tf.minimum(end, tf.size(data, out_type=tf.int64) - MARGIN)
    little, big = is_at(data, start, b"II*\0"), is_at(data, start, b"MM\0*")

    def ordered(at: tf.Tensor, count: int) -> tf.Tensor:
        return either(big, number(data, at, count, ">"), number(data, at, count))

    directory = start + ordered(start + 4, 4)
    count = either(directory + 2 <= end, ordered(directory, 2), 0)
    first = tf.minimum(directory + 2, end)
    count = tf.minimum(tf.minimum(count, _MAX_ENTRIES), (end - first) // 12)
    table = tf.cast(tf.reshape(data[first : first + 12 * count], [-1, 12]), tf.int64)
    pairs = table[:, ::2], table[:, 1::2]  # [entries, 6]
    halves = either(big, pairs[0] * 256 + pairs[1], pairs[0] + pairs[1] * 256)
    entry = tf.where(tf.equal(halves[:, 0], _ORIENTATION))[:1, 0]
    kind, value = tf.gather(halves[:, 1], entry), tf.gather(halves[:, 4], entry)
    high, low = tf.gather(halves[:, 2], entry), tf.gather(halves[:, 3], entry)
    one = tf.equal(either(big, high * 65536 + low, high + low * 65536), 1)
    valid = (little | big) & tf.equal(kind, _SHORT) & one & (value >= 1) & (value <= 8)
    return tf.reduce_max(tf.concat([tf.ones([1], tf.int64), value * tf.cast(valid, tf.int64)], 0))


@shared(DATA, _NUMBERS)
def _riff_chunk(data: tf.Tensor, name: tf.Tensor) -> tf.Tensor:
    def step(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length = number(data, at + 4, 4)
        return _is_at(data, at, name), at + 8 + length + length % 2

    return find_chunk(data, 12, step)
