"""GIF's header and blocks. Source: CompuServe, Graphics Interchange Format, version 89a."""

import struct

from components.example_gen.images.headers import Header
from components.example_gen.records.reasons import UnusableError

_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9


def parse(image: bytes) -> Header:
    """Read size, the first frame's place, and whether more follow; see `headers`."""
    width, height, flags = struct.unpack_from("<HHB", image, 6)
    palette = _palette_bytes(flags)
    at, transparent = _first_frame(image)
    left, top, across, down, flags = struct.unpack_from("<HHHHB", image, at + 1)
    frame = left, top, left + across, top + down
    if not across or not down or frame[2] > width or frame[3] > height:
        raise UnusableError("damaged_header", "the GIF's first frame is empty or leaves the image")
    own_palette = _palette_bytes(flags)
    if not palette and not own_palette:
        raise UnusableError("damaged_header", "the GIF has no palette")
    bits = image[at + 10 + own_palette]
    if not 1 <= bits <= 8:
        raise UnusableError("damaged_header", f"GIF has no pixels of {bits} bits")
    changes = ["first_frame"] if _frames(image, at) > 1 else []
    clear = transparent or (across, down) != (width, height)
    entries = (own_palette or palette) // 3
    return Header(
        "gif", width, height, 1, tuple(changes), frame=frame, palette=entries, transparent=clear
    )


def codes(image: bytes) -> tuple[int, bytes]:
    """The LZW codes of the first frame: the bits of the first of them, less one, and the bytes."""
    at, _ = _first_frame(image)
    at += 10 + _palette_bytes(image[at + 9])
    bits, at, parts = image[at], at + 1, []
    while image[at]:
        parts.append(image[at + 1 : at + 1 + image[at]])
        at += 1 + image[at]
    return bits, b"".join(parts)


def _first_frame(image: bytes) -> tuple[int, bool]:
    """Where the first frame begins, and whether one of its colours is transparent."""
    at, transparent = 13 + _palette_bytes(image[10]), False
    while image[at] == _EXTENSION:
        if image[at + 1] == _GRAPHIC_CONTROL:
            transparent = bool(image[at + 3] & 1)
        at = _after_blocks(image, at + 2)
    if image[at] != _FRAME:
        raise UnusableError("damaged_header", "the GIF has no frame")
    return at, transparent


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(image: bytes, at: int) -> int:
    while image[at]:
        at += 1 + image[at]
    return at + 1


def _frames(image: bytes, at: int) -> int:
    """How many frames there are from the one at `at` to the end, which must be there."""
    frames = 0
    try:
        while image[at] != _TRAILER:
            if image[at] == _EXTENSION:
                at = _after_blocks(image, at + 2)
            elif image[at] == _FRAME:
                frames += 1
                at = _after_blocks(image, at + 11 + _palette_bytes(image[at + 9]))
            else:
                raise UnusableError("damaged_pixels", f"no GIF block begins at byte {at:,}")
    except IndexError as error:
        raise UnusableError("damaged_pixels", "the GIF ends before its end mark") from error
    return frames
