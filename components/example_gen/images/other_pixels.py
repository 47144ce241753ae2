"""All but JPEG: decoded by Pillow, and encoded anew where the transform graph cannot do it."""

import io
from typing import Final

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from components.example_gen.images import gif_pixels, png_pixels
from components.example_gen.images.headers import Header, foreign, png
from components.example_gen.images.jpeg_pixels import QUALITY
from components.example_gen.images.prepared import (
    Prepared,
    fitted,
    in_order,
    of_mode,
    thumbnail,
    upright,
)
from components.example_gen.records.reasons import UnusableError

# Opened by their classes: Image.open would apply a limit of its own, and warn.
_FILES: Final[dict[str, type[ImageFile]]] = {
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
}
_COMPRESSION = 3  # of PNG, 1 to 9: more takes long and saves little


def prepare_other(image: bytes, header: Header, max_side: int | None) -> Prepared:
    """Check an image that is not JPEG; keep it, or store it upright, of 8 bits, within `max_side`.

    Raises:
        UnusableError: `damaged_pixels`.
    """
    picture, changed = _decode(image, header)
    size = fitted(*picture.size, max_side)
    if picture.size != size:
        changed.add("shrunk")
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if header.orientation != 1:
        picture = upright(picture, header.orientation)
    small = thumbnail(picture)
    if not changed:
        return Prepared(image, header.format, *picture.size, small)
    out = io.BytesIO()
    # What was lossy already is a photograph: as PNG it would be many times as large.
    kind = "jpeg" if header.format in foreign.LOSSY and picture.mode == "RGB" else "png"
    if kind == "jpeg":
        picture.save(out, kind, quality=QUALITY, subsampling=0)
    else:
        picture.save(out, kind, compress_level=_COMPRESSION)
    return Prepared(out.getvalue(), kind, *picture.size, small, in_order(changed))


def _decode(image: bytes, header: Header) -> tuple[Image.Image, set[str]]:
    """The still image or first frame in L, LA, RGB or RGBA, and what of it must change."""
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
                return png_pixels.plain(picture, image), changed
            if header.format == "gif":
                if gif_pixels.ends_early(picture, image, header):
                    raise UnusableError("damaged_pixels", "the GIF's pixels end early")
                if gif_pixels.outside_palette(picture, header):
                    changed.add("palette")
                return gif_pixels.plain(picture, header), changed
            return of_mode(picture, "RGBA" if picture.mode == "RGBA" else "RGB"), changed
    except UnusableError:
        raise
    except Exception as error:  # Pillow raises many types, struct.error and OSError among them
        raise UnusableError("damaged_pixels", str(error)) from error
