"""BMP's header. Source: Microsoft, Bitmap Header Types (BITMAPINFOHEADER and its kin)."""

import struct

from components.example_gen.headers import Header
from components.example_gen.reasons import UnusableError

_CORE = 12  # bytes of the oldest header; all later ones begin with the same 40
_UNCOMPRESSED = 0


def parse(image: bytes) -> Header:
    """Read size and kind; see `headers`. A negative height means rows from the top down."""
    (size,) = struct.unpack_from("<I", image, 14)
    if size == _CORE:
        width, height = struct.unpack_from("<HH", image, 18)
        return Header("bmp", width, height, 1, ("bmp",))
    if size < 40:
        raise UnusableError("damaged_header", f"BMP has no header of {size} bytes")
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", image, 18)
    (start,) = struct.unpack_from("<I", image, 10)
    row = (3 * width + 3) // 4 * 4
    whole = len(image) == start + row * abs(height)  # TensorFlow reads no other
    plain = bits == 24 and compression == _UNCOMPRESSED and whole
    return Header("bmp", width, abs(height), 1, () if plain else ("bmp",))
