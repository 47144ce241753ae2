"""An image's format and size from its first bytes, before any pixel is decoded."""

import dataclasses
import struct
from collections.abc import Callable
from functools import partial
from typing import Final

from components.example_gen.images.headers import Header, bmp, foreign, gif, jpeg, png, webp
from components.example_gen.images.image_magic import format_of, looks_like
from components.example_gen.records.reasons import UnusableError

_PARSERS: Final[dict[str, Callable[[bytes], Header]]] = {
    "bmp": bmp.parse,
    "gif": gif.parse,
    "jpeg": jpeg.parse,
    "png": png.parse,
    "webp": webp.parse,
    **{name: partial(foreign.parse, name=name) for name in foreign.FORMATS},
}


@dataclasses.dataclass(frozen=True, slots=True)
class ImageLimits:
    """What one image may cost.

    Attributes:
        max_pixels: width x height; more is refused by the header alone.
        max_bytes: of the encoded image.
        max_side: pixels of the larger side; a larger image is shrunk. None: never.
    """

    max_pixels: int
    max_bytes: int
    max_side: int | None = None


def read_header(image: bytes, limits: ImageLimits) -> Header:
    """Say what an image is, in microseconds and without decoding any of it.

    Raises:
        UnusableError: `empty_image`, `too_many_bytes`, `not_an_image`, `damaged_header` or
            `too_many_pixels`.
    """
    if not image:
        raise UnusableError("empty_image")
    if len(image) > limits.max_bytes:
        raise UnusableError("too_many_bytes", f"{len(image):,} bytes")
    name = format_of(image)
    if name is None:
        raise UnusableError("not_an_image", looks_like(image))
    try:
        header = _PARSERS[name](image)
    except (IndexError, struct.error) as error:
        raise UnusableError("damaged_header", f"the {name.upper()} is cut off") from error
    if header.width <= 0 or header.height <= 0:
        size = f"{header.width:,} x {header.height:,}"
        raise UnusableError("damaged_header", f"the {name.upper()} says it is {size}")
    pixels = header.width * header.height
    if pixels > limits.max_pixels:
        size = f"{header.width:,} x {header.height:,}"
        raise UnusableError("too_many_pixels", f"{pixels:,} pixels ({size})")
    return header
