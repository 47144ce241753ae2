"""JPEG's header: the marker segments up to the first scan. Source: ITU-T T.81, Annex B."""

import struct

from components.example_gen.images.headers import Header
from components.example_gen.images.headers.exif import orientation
from components.example_gen.records.reasons import UnusableError

_READ = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive; all Huffman-coded
_OTHER_FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical",
    0xC9: "arithmetic-coded", 0xCA: "arithmetic-coded", 0xCB: "lossless", 0xCD: "hierarchical",
    0xCE: "hierarchical", 0xCF: "hierarchical",
}  # fmt: skip
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1


def parse(image: bytes) -> Header:
    """Read size, colours and orientation; see `headers`."""
    size: tuple[int, int] | None = None
    turned, colours, at = 0, 0, 2
    while True:
        if image[at] != 0xFF:
            raise UnusableError("damaged_header", f"no JPEG marker at byte {at:,}")
        while image[at + 1] == 0xFF:  # fill bytes before a marker are legal
            at += 1
        marker = image[at + 1]
        if marker in _ALONE:
            at += 2
            continue
        if marker == _END:
            raise UnusableError("damaged_header", "the JPEG ends before its pixels")
        (length,) = struct.unpack_from(">H", image, at + 2)
        if marker == _SCAN:
            break
        if marker in _OTHER_FRAMES:
            raise UnusableError("not_an_image", f"looks like {_OTHER_FRAMES[marker]} JPEG")
        if marker in _READ:
            bits, height, width, colours = struct.unpack_from(">BHHB", image, at + 4)
            if size is not None:
                raise UnusableError("damaged_header", "the JPEG gives its size twice")
            size = width, height
            if bits != 8:
                raise UnusableError("not_an_image", f"looks like {bits}-bit JPEG")
            if colours not in (1, 3, 4):
                raise UnusableError("damaged_header", f"the JPEG has {colours} components")
        elif marker == _APP1 and not turned and image[at + 4 : at + 10] == b"Exif\0\0":
            turned = orientation(image[at + 10 : at + 2 + length])
        at += 2 + length
    if size is None:
        raise UnusableError("damaged_header", "the JPEG does not give its size")
    return Header("jpeg", *size, turned or 1, colours=colours)
