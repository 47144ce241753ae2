"""WebP's header. Source: RFC 9649, sections 2.3 to 2.7 and 3.4; RFC 6386, section 9.1."""

import struct

from components.example_gen.images.headers import Header
from components.example_gen.images.headers.exif import orientation
from components.example_gen.records.reasons import UnusableError

_ANIMATED, _HAS_EXIF = 0x02, 0x08


def parse(image: bytes) -> Header:
    """Read size, orientation, and whether it is animated; see `headers`."""
    name = image[12:16]
    if name == b"VP8X":
        flags, wide, high = struct.unpack_from("<I3s3s", image, 20)
        size = int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        turned = _orientation(image) if flags & _HAS_EXIF else 1
        return Header("webp", *size, turned, ("first_frame",) if flags & _ANIMATED else ())
    if name == b"VP8L":
        mark, bits = struct.unpack_from("<BI", image, 20)
        if mark == 0x2F:
            return Header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name == b"VP8 ":
        mark, wide, high = struct.unpack_from("<3sHH", image, 23)
        if mark == b"\x9d\x01\x2a":
            return Header("webp", wide & 0x3FFF, high & 0x3FFF)
    raise UnusableError("damaged_header", "the WebP does not begin with its pixels or size")


def _orientation(image: bytes) -> int:
    at = 12
    while at + 8 <= len(image):
        name, length = struct.unpack_from("<4sI", image, at)
        if name == b"EXIF":
            return orientation(image[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return 1
