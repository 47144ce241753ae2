"""What the first bytes of an image say of it, and the headers of BMP and WebP.

A parser is a function `parse(image: bytes) -> Header`; those of the other formats are in the file
of the format. It expects the magic bytes to be right, decodes no pixel, copies nothing larger than
one field, and raises `UnusableError`, or an `IndexError` or `struct.error` where the bytes end
early.

Pillow's own parsers took 1.5 times (GIF), 5 times (PNG) and 22 to 66 times (JPEG, BMP, WebP) as
long for images of 640 x 480 pixels. They also accept JPEGs that are arithmetic-coded, lossless or
of two sizes, refuse a PNG over a long text beside its pixels, and read orientations that the
transform graph does not.
"""

import dataclasses
import struct

from components.example_gen.rows import UnusableError

_ORIENTATION, _SHORT = 0x0112, 3  # the EXIF tag and its type
_MAX_ENTRIES = 1000  # of a directory of EXIF; real ones have some dozens
_EXIF_PREFIX = b"Exif\0\0"
_CORE = 12  # bytes of the oldest header of BMP; all later ones begin with the same 40
_UNCOMPRESSED = 0
_BMP_BITS = (1, 4, 8, 24, 32)  # of a pixel, that the transform graph decodes
_ANIMATED, _HAS_EXIF = 0x02, 0x08  # flags of a WebP


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """An image before any pixel is decoded.

    Attributes:
        format: what `formats.format_of` returns.
        width: in pixels as stored, before the orientation is applied.
        height: likewise.
        orientation: EXIF's, 1 (upright) to 8.
        changes: keys of `prepared.CHANGES` that the format requires.
        colours: of a JPEG: 1 (grey), 3 or 4 (CMYK).
        frame: of a GIF: left, top, right and bottom of the first frame, which may be smaller than
            the image.
        palette: of a GIF: how many colours the first frame can choose from.
        transparent: of a GIF: whether the first frame has a transparent colour or room around it.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    changes: tuple[str, ...] = ()
    colours: int = 0
    frame: tuple[int, int, int, int] | None = None
    palette: int = 0
    transparent: bool = False


def exif_orientation(block: bytes) -> int:
    """Read the orientation out of a block of EXIF: 1 to 8, and 1 where it is damaged or not legal.

    A damaged block of EXIF does not make a damaged image: every viewer shows it upright. Pillow
    also accepts entries of other types, which the transform graph does not.

    Source: CIPA DC-008 (EXIF 3.0), 4.6.2 and 4.6.5.1.6.

    Args:
        block: begins with `II*` or `MM`, or with `Exif` and two zero bytes before that.
    """
    block = block.removeprefix(_EXIF_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    entry = order + "HHIHxx"
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, start)
        for i in range(min(entries, _MAX_ENTRIES)):
            tag, kind, count, value = struct.unpack_from(entry, block, start + 2 + 12 * i)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def parse_bmp(image: bytes) -> Header:
    """Read the size and kind of a BMP. A negative height means rows from the top down.

    Source: Microsoft, Bitmap Header Types (BITMAPINFOHEADER and its kin).
    """
    (size,) = struct.unpack_from("<I", image, 14)
    if size == _CORE:
        width, height = struct.unpack_from("<HH", image, 18)
        return Header("bmp", width, height, 1, ("bmp",))
    if size < 40:
        raise UnusableError("damaged_header", f"BMP has no header of {size} bytes")
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", image, 18)
    plain = compression == _UNCOMPRESSED and bits in _BMP_BITS
    return Header("bmp", width, abs(height), 1, () if plain else ("bmp",))


def parse_webp(image: bytes) -> Header:
    """Read the size and orientation of a WebP, and whether it is animated.

    Source: RFC 9649, sections 2.3 to 2.7 and 3.4; RFC 6386, section 9.1.
    """
    name = image[12:16]
    if name == b"VP8X":
        flags, wide, high = struct.unpack_from("<I3s3s", image, 20)
        size = int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        orientation = _webp_orientation(image) if flags & _HAS_EXIF else 1
        return Header("webp", *size, orientation, ("first_frame",) if flags & _ANIMATED else ())
    if name == b"VP8L":
        mark, bits = struct.unpack_from("<BI", image, 20)
        if mark == 0x2F:
            return Header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name == b"VP8 ":
        mark, wide, high = struct.unpack_from("<3sHH", image, 23)
        if mark == b"\x9d\x01\x2a":
            return Header("webp", wide & 0x3FFF, high & 0x3FFF)
    raise UnusableError("damaged_header", "the WebP does not begin with its pixels or size")


def _webp_orientation(image: bytes) -> int:
    at = 12
    while at + 8 <= len(image):
        name, length = struct.unpack_from("<4sI", image, at)
        if name == b"EXIF":
            return exif_orientation(image[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return 1
