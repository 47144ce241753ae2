"""GIF: its header and blocks, and the first frame as viewers show it.

Pillow fills in pixels that are missing and accepts colours that the palette lacks, at both of which
TensorFlow fails. So both are looked for here.

Source: CompuServe, Graphics Interchange Format, version 89a, with appendix F (LZW).
"""

import struct

import numpy as np
from PIL import Image

from components.example_gen.images.headers import Header
from components.example_gen.rows import UnusableError

_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9
_MAX_CODES = 4096  # of LZW


def parse(image: bytes) -> Header:
    """Read the size, the place of the first frame, and whether more follow."""
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
    """Return the LZW codes of the first frame: the bits of the first one, less one; the bytes."""
    at, _ = _first_frame(image)
    at += 10 + _palette_bytes(image[at + 9])
    bits, at, parts = image[at], at + 1, []
    while image[at]:
        parts.append(image[at + 1 : at + 1 + image[at]])
        at += 1 + image[at]
    return bits, b"".join(parts)


def _first_frame(image: bytes) -> tuple[int, bool]:
    """Return where the first frame begins, and whether one of its colours is transparent."""
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
    """Count the frames from the one at `at` to the end mark, which must be there."""
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


def outside_palette(picture: Image.Image, header: Header) -> bool:
    """Return whether a loaded GIF has pixels without a colour: TensorFlow fails at them."""
    return int(np.asarray(picture).max()) >= header.palette


def ends_early(picture: Image.Image, image: bytes, header: Header) -> bool:
    """Return whether the first frame has fewer pixels than its size says: Pillow adds the rest.

    What it adds has one colour, down to the row that is drawn last: in an interlaced image maybe
    the last but one. Only if one of these rows has one colour are the pixels counted, which is
    slow.
    """
    assert header.frame is not None
    left, top, right, bottom = header.frame
    last = np.asarray(picture)[max(top, bottom - 2) : bottom, left:right]
    if (last != last[:, :1]).any(axis=1).all():
        return False
    return pixel_count(*codes(image)) < (right - left) * (bottom - top)


def pixel_count(bits: int, body: bytes) -> int:
    """Count the pixels of LZW codes, by the lengths of their strings alone.

    Args:
        bits: of the first code, less one.
        body: the codes.
    """
    clear, end = 1 << bits, (1 << bits) + 1
    lengths = [1] * clear + [0, 0]
    width, previous, pixels, buffer, have = bits + 1, 0, 0, 0, 0
    for byte in body:
        buffer |= byte << have
        have += 8
        while have >= width:
            code = buffer & ((1 << width) - 1)
            buffer >>= width
            have -= width
            if code == end:
                return pixels
            if code == clear:
                del lengths[end + 1 :]
                width, previous = bits + 1, 0
                continue
            length = lengths[code] if code < len(lengths) else previous + 1
            if previous and len(lengths) < _MAX_CODES:
                lengths.append(previous + 1)
            if len(lengths) == 1 << width and len(lengths) < _MAX_CODES:
                width += 1
            pixels, previous = pixels + length, length
    return pixels


def plain(picture: Image.Image, header: Header) -> Image.Image:
    """Convert a loaded GIF to RGB, or RGBA where something is transparent or not in the frame."""
    if not header.transparent:
        return picture.convert("RGB")
    shown = picture.convert("RGBA")
    if header.frame == (0, 0, *picture.size) or header.frame is None:
        return shown
    left, top, right, bottom = header.frame
    pixels = np.zeros((picture.height, picture.width, 4), np.uint8)
    pixels[top:bottom, left:right] = np.asarray(shown)[top:bottom, left:right]
    return Image.fromarray(pixels)
