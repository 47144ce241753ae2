"""GIF: the first frame as it is shown, whole, and whether TensorFlow can look up all its colours.

Source: CompuServe, Graphics Interchange Format, version 89a, appendix F (LZW).
"""

import numpy as np
from PIL import Image

from components.example_gen.images.headers import Header, gif

_MAX_CODES = 4096


def outside_palette(picture: Image.Image, header: Header) -> bool:
    """Whether a loaded GIF has pixels without a colour: viewers show them, TensorFlow fails."""
    return int(np.asarray(picture).max()) >= header.palette


def ends_early(picture: Image.Image, image: bytes, header: Header) -> bool:
    """Whether the first frame has fewer pixels than its size says: Pillow fills in the rest.

    What is filled in has one colour, down to the row that is drawn last: of an interlaced image
    maybe the last but one. Only if one of these is of one colour are the pixels counted, as that
    takes long.
    """
    assert header.frame is not None
    left, top, right, bottom = header.frame
    last = np.asarray(picture)[max(top, bottom - 2) : bottom, left:right]
    if (last != last[:, :1]).any(axis=1).all():
        return False
    return _count(*gif.codes(image)) < (right - left) * (bottom - top)


def _count(bits: int, body: bytes) -> int:
    """How many pixels LZW codes stand for: their strings' lengths are enough to know."""
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
    """The first frame in RGB, or RGBA where something is transparent or it leaves room around."""
    if not header.transparent:
        return picture.convert("RGB")
    shown = picture.convert("RGBA")
    if header.frame == (0, 0, *picture.size) or header.frame is None:
        return shown
    left, top, right, bottom = header.frame
    pixels = np.zeros((picture.height, picture.width, 4), np.uint8)
    pixels[top:bottom, left:right] = np.asarray(shown)[top:bottom, left:right]
    return Image.fromarray(pixels)
