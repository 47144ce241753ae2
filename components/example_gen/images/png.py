"""PNG: its header and chunks, and its pixels in 8 bits.

Pillow does not check the checksums of the pixels, and accepts files that TensorFlow refuses:
without a palette, with parted or unfinished pixels, or with unknown critical chunks.

Source: W3C, Portable Network Graphics, third edition.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from components.example_gen.images.headers import Header, exif_orientation
from components.example_gen.images.prepared import of_mode
from components.example_gen.rows import UnusableError

_GREY, _RGB, _PALETTE = 0, 2, 3
# Bits of one value that each colour type may have.
_BITS = {
    _GREY: {1, 2, 4, 8, 16},
    _RGB: {8, 16},
    _PALETTE: {1, 2, 4, 8},
    4: {8, 16},  # grey and alpha
    6: {8, 16},  # RGB and alpha
}
_BITS_AT = 24  # where the bits of one value stand: 1, 2, 4, 8 or 16
_PIXELS = b"IDAT"
_MOST_BYTES, _MOST_PASSES = 8, 7  # bytes of a pixel; passes, with a byte for a row of each
_AT_ONCE = 1 << 24  # bytes unpacked
_SHOWN = {b"IHDR", b"PLTE", b"tRNS", _PIXELS, b"IEND"}  # chunks that the pixels depend on


def parse(image: bytes) -> Header:
    """Read the size, kind and orientation."""
    length, name, width, height, depth, colour, *_ = struct.unpack_from(">I4sIIBBBBB", image, 8)
    if name != b"IHDR" or length != 13:
        raise UnusableError("damaged_header", "the PNG does not begin with its IHDR chunk")
    if zlib.crc32(image[12:29]) != int.from_bytes(image[29:33]):
        raise UnusableError("damaged_header", "the checksum of the PNG's IHDR chunk is wrong")
    if depth not in _BITS.get(colour, ()):
        raise UnusableError("damaged_header", f"PNG has no {depth} bits for colour type {colour}")
    turned, changes = 0, []
    for name, start, end in _chunks(image):
        if name == b"acTL" and int.from_bytes(image[start : start + 4]) > 1:
            changes.append("first_frame")
        elif name == b"eXIf" and not turned:
            turned = exif_orientation(image[start:end])
    return Header("png", width, height, turned or 1, tuple(dict.fromkeys(changes)))


def still(image: bytes) -> bytes:
    """Check every chunk, and leave out those that the still image does not depend on.

    Pillow does not check the pixels' checksums, and refuses an image over a long text beside it.

    Raises:
        UnusableError: a chunk is damaged or missing, or critical and unknown.
    """
    kept, names, view = [image[:8]], [b""], memoryview(image)
    pixels: list[memoryview] = []
    for name, start, end in _chunks(image):
        if name == _PIXELS and _PIXELS in names and names[-1] != _PIXELS:
            raise UnusableError("damaged_pixels", "another chunk parts the PNG's pixels")
        names.append(name)
        if name == _PIXELS:
            pixels.append(view[start:end])
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(image[end : end + 4]):
            what = f"the checksum of the PNG's chunk at byte {start - 8:,} is wrong"
            raise UnusableError("damaged_pixels", what)
        if name in _SHOWN:
            kept.append(image[start - 8 : end + 4])
        # Not four letters, or a critical chunk: an image with an unknown one must not be shown.
        elif not name.isalpha() or name[:1].isupper():
            raise UnusableError("damaged_pixels", f"the PNG has an unknown chunk {name!r}")
    if names[-1] != b"IEND":
        raise UnusableError("damaged_pixels", "the PNG ends before its IEND chunk")
    if not _is_whole(b"".join(pixels), image):
        raise UnusableError("damaged_pixels", "the checksum of the PNG's pixels is missing")
    if image[25] == _PALETTE and b"PLTE" not in names:
        raise UnusableError("damaged_pixels", "the PNG lacks its palette")
    return b"".join(kept)


def _is_whole(packed: bytes, image: bytes) -> bool:
    """Return whether compressed pixels reach their checksum, or are more than an image can have.

    Pillow is content with all rows; TensorFlow's decoder reads the checksum behind them.
    """
    width, height = struct.unpack_from(">II", image, 16)
    most = (_MOST_BYTES * width + _MOST_PASSES) * height
    unpacker, length = zlib.decompressobj(), 0
    try:
        while packed and not unpacker.eof and length <= most:
            length += len(unpacker.decompress(packed, _AT_ONCE))
            packed = unpacker.unconsumed_tail
    except zlib.error:
        return True  # the decoder's error says more
    return unpacker.eof or length > most


def _chunks(image: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, start and end of the body of each complete chunk, up to IEND."""
    at = 8
    while at + 12 <= len(image):
        length, name = struct.unpack_from(">I4s", image, at)
        end = at + 8 + length
        if end + 4 > len(image):
            return
        yield name, at + 8, end
        if name == b"IEND":
            return
        at = end + 4


def plain(picture: Image.Image, image: bytes) -> Image.Image:
    """Convert a loaded PNG to L, LA, RGB or RGBA.

    Args:
        picture: loaded from `image`.
        image: the PNG's bytes.
    """
    bits, clear = image[_BITS_AT], picture.info.get("transparency")
    if picture.mode == "I;16":
        return _upper_bits(picture, clear)
    # The transparent colour has the bits of the file, while the pixels have 8.
    if bits == 16 and isinstance(clear, tuple):
        picture.info["transparency"] = tuple(value >> 8 for value in clear)
    elif bits in (2, 4) and picture.mode == "L" and isinstance(clear, int):
        picture.info["transparency"] = clear * 255 // (2**bits - 1)
    has_alpha = clear is not None or "A" in picture.mode
    if picture.mode in ("1", "L", "LA"):
        return of_mode(picture, "LA" if has_alpha else "L")
    return of_mode(picture, "RGBA" if has_alpha else "RGB")


def _upper_bits(picture: Image.Image, clear: int | None) -> Image.Image:
    """Convert grey of 16 bits to 8: Pillow's own conversion cuts every value off at 255."""
    values = np.asarray(picture)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if clear is not None:
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey
