"""PNG: any kind to 8 bits, with alpha where one colour is declared transparent."""

import numpy as np
from PIL import Image

from components.example_gen.images.headers import png
from components.example_gen.images.prepared import of_mode


def plain(picture: Image.Image, image: bytes) -> Image.Image:
    """A loaded PNG in L, LA, RGB or RGBA.

    Args:
        picture: loaded from `image`.
        image: the PNG's bytes; they tell the bits of one value.
    """
    bits, clear = png.bits(image), picture.info.get("transparency")
    if picture.mode == "I;16":
        return _upper_bits(picture, clear)
    # The transparent colour is told in the file's bits, the pixels have 8.
    if bits == 16 and isinstance(clear, tuple):
        picture.info["transparency"] = tuple(value >> 8 for value in clear)
    elif bits in (2, 4) and picture.mode == "L" and isinstance(clear, int):
        picture.info["transparency"] = clear * 255 // (2**bits - 1)
    has_alpha = clear is not None or "A" in picture.mode
    if picture.mode in ("1", "L", "LA"):
        return of_mode(picture, "LA" if has_alpha else "L")
    return of_mode(picture, "RGBA" if has_alpha else "RGB")


def _upper_bits(picture: Image.Image, clear: int | None) -> Image.Image:
    """16-bit grey to 8: Pillow's own conversion would cut every value off at 255."""
    values = np.asarray(picture)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if clear is not None:
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey
