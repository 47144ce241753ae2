"""From an image's bytes to those that are stored: checked, upright, and within the limits.

What the transform graph decodes to the pixels that a viewer shows is kept byte for byte; the rest
is encoded anew, and `prepared.CHANGES` says what and how. Every pixel is decoded once on the way,
so that damage is found here.
"""

import contextlib
import dataclasses
import io
import struct
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from components.example_gen.images import foreign, gif, jpeg, png
from components.example_gen.images.formats import format_of, looks_like
from components.example_gen.images.headers import Header, parse_bmp, parse_webp
from components.example_gen.images.prepared import (
    Prepared,
    fitted,
    in_order,
    of_mode,
    thumbnail,
    upright,
)
from components.example_gen.rows import UnusableError

_PARSERS: Final[dict[str, Callable[[bytes], Header]]] = {
    "bmp": parse_bmp,
    "gif": gif.parse,
    "jpeg": jpeg.parse,
    "png": png.parse,
    "webp": parse_webp,
    **{name: partial(foreign.parse, name=name) for name in foreign.FORMATS},
}
# Opened by their classes: Image.open would apply a limit of its own, and warn.
_FILES: Final[dict[str, type[ImageFile]]] = {
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
}
_COMPRESSION = 3  # of PNG, 1 to 9: more takes long and saves little
LARGE = 8_000_000  # pixels; of larger images only one is decoded at a time
_LARGE_IMAGES = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class ImageLimits:
    """What one image may cost.

    Attributes:
        max_pixels: width x height; more is refused by the header alone.
        max_bytes: of the encoded image.
        max_side: pixels of the larger side; a larger image is shrunk. None: never.
        max_smaller_side: likewise of the smaller side.
    """

    max_pixels: int
    max_bytes: int
    max_side: int | None = None
    max_smaller_side: int | None = None

    def stored_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height to which an image of this size is shrunk."""
        return fitted(width, height, self.max_side, self.max_smaller_side)


def prepare(image: bytes, limits: ImageLimits) -> Prepared:
    """Check one image and make of it what is stored.

    Safe in threads; most of its time is spent in C code that lets other threads run.

    Raises:
        UnusableError: the image cannot be used; what `read_header` raises, or `damaged_pixels`.
    """
    header = read_header(image, limits)
    large = header.width * header.height > LARGE
    with _LARGE_IMAGES if large else contextlib.nullcontext():
        if header.format == "jpeg":
            return jpeg.prepare_jpeg(image, header, limits.stored_size(header.width, header.height))
        return _prepare_other(image, header, limits)


def read_header(image: bytes, limits: ImageLimits) -> Header:
    """Read the format and size of an image, in microseconds and without decoding any of it.

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
    size = f"{header.width:,} x {header.height:,}"
    if header.width <= 0 or header.height <= 0:
        raise UnusableError("damaged_header", f"the {name.upper()} says it is {size}")
    pixels = header.width * header.height
    if pixels > limits.max_pixels:
        raise UnusableError("too_many_pixels", f"{pixels:,} pixels ({size})")
    return header


def _prepare_other(image: bytes, header: Header, limits: ImageLimits) -> Prepared:
    """Check an image that is not JPEG; keep it, or store it upright, of 8 bits, within its limits.

    Raises:
        UnusableError: `damaged_pixels`.
    """
    picture, changed = _decode(image, header)
    size = limits.stored_size(*picture.size)
    if picture.size != size:
        changed.add("shrunk")
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    picture = upright(picture, header.orientation)
    small = thumbnail(picture)
    if not changed:
        return Prepared(image, header.format, *picture.size, small)
    out = io.BytesIO()
    # A lossy image is a photograph, which as PNG would be many times as large.
    kind = "jpeg" if header.format in foreign.LOSSY and picture.mode == "RGB" else "png"
    if kind == "jpeg":
        picture.save(out, kind, quality=jpeg.QUALITY, subsampling=0)
    else:
        picture.save(out, kind, compress_level=_COMPRESSION)
    return Prepared(out.getvalue(), kind, *picture.size, small, in_order(changed))


def _decode(image: bytes, header: Header) -> tuple[Image.Image, set[str]]:
    """Decode the still image or first frame to L, LA, RGB or RGBA; also return what must change."""
    changed = set(header.changes)
    if header.format in foreign.FORMATS:
        return foreign.plain(image, header.format), changed
    body = png.still(image) if header.format == "png" else image
    try:
        with _FILES[header.format](io.BytesIO(body)) as picture:
            if picture.size != (header.width, header.height):
                raise UnusableError("damaged_pixels", "its parts contradict each other on its size")
            picture.load()
            if header.format == "png":
                return png.plain(picture, image), changed
            if header.format == "gif":
                if gif.ends_early(picture, image, header):
                    raise UnusableError("damaged_pixels", "the GIF's pixels end early")
                if gif.outside_palette(picture, header):
                    changed.add("palette")
                return gif.plain(picture, header), changed
            return of_mode(picture, "RGBA" if picture.mode == "RGBA" else "RGB"), changed
    except UnusableError:
        raise
    except Exception as error:  # Pillow raises many types, struct.error and OSError among them
        raise UnusableError("damaged_pixels", str(error)) from error
