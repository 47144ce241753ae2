"""BMP's header. Source: Microsoft, Bitmap Header Types (BITMAPINFOHEADER and its kin)."""

import struct

from components.example_gen.images.headers import Header
from components.example_gen.records.reasons import UnusableError

_CORE = 12  # bytes of the oldest header; all later ones begin with the same 40
_UNCOMPRESSED = 0
_BITS = (1, 4, 8, 24, 32)  # of a pixel, that the transform graph decodes


def parse(image: bytes) -> Header:
    """Read size and kind; see `headers`. A negative height means rows from the top down."""
    (size,) = struct.unpack_from("<I", image, 14)
    if size == _CORE:
        width, height = struct.unpack_from("<HH", image, 18)
        return Header("bmp", width, height, 1, ("bmp",))
    if size < 40:
        raise UnusableError("damaged_header", f"BMP has no header of {size} bytes")
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", image, 18)
    plain = compression == _UNCOMPRESSED and bits in _BITS
    return Header("bmp", width, abs(height), 1, () if plain else ("bmp",))
