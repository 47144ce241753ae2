"""The orientation in a block of EXIF: the one tag that changes how an image is shown."""

import struct

ORIENTATION = 0x0112
_SHORT = 3
_MAX_ENTRIES = 1000  # of a directory; real ones have some dozens
_PREFIX = b"Exif\0\0"


def orientation(block: bytes) -> int:
    """Read the orientation, 1 to 8, out of a TIFF block; 1 (upright) where it says nothing legal.

    A damaged block of EXIF is no damaged image: every viewer shows it upright.

    Source: CIPA DC-008 (EXIF 3.0), 4.6.2 and 4.6.5.1.6.

    Args:
        block: begins with `II*` or `MM`, or with `Exif` and two zero bytes before that.
    """
    block = block.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    entry = order + "HHIHxx"
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, start)
        for i in range(min(entries, _MAX_ENTRIES)):
            tag, kind, count, value = struct.unpack_from(entry, block, start + 2 + 12 * i)
            if tag == ORIENTATION:
                return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
