"""TIFF, AVIF and HEIC: formats that TensorFlow cannot decode, so that ingest has to.

Their headers are nested boxes and directories: the libraries that decode them read those as well,
without decoding a pixel.
"""

import io
from typing import Final

import numpy as np
from PIL import Image, ImageOps
from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from components.example_gen.headers import Header
from components.example_gen.reasons import UnusableError

TIFF, AVIF, HEIC = "tiff", "avif", "heic"
FORMATS: Final = (TIFF, AVIF, HEIC)
LOSSY: Final = (AVIF, HEIC)


def parse(image: bytes, name: str) -> Header:
    """Read the size; see `headers`. The orientation is applied by `plain`."""
    try:
        with _open(image, name) as picture:
            return Header(name, *picture.size, 1, (name,))
    except Exception as error:  # Pillow raises many types, struct.error and OSError among them
        raise UnusableError("damaged_header", _sentence(name, error)) from error


def plain(image: bytes, name: str) -> Image.Image:
    """Decode the first image of a file: upright, in L, LA, RGB or RGBA.

    Raises:
        UnusableError: `damaged_pixels`, or `not_an_image` where the values are not colours.
    """
    try:
        with _open(image, name) as picture:
            picture.load()
            return _of_8_bits(ImageOps.exif_transpose(picture))
    except UnusableError:
        raise
    except Exception as error:  # as above
        raise UnusableError("damaged_pixels", _sentence(name, error)) from error


def _open(image: bytes, name: str) -> ImageFile:
    # By their classes: Image.open would apply a limit of its own, and warn.
    if name == TIFF:
        return TiffImageFile(io.BytesIO(image))
    if name == AVIF:
        return AvifImageFile(io.BytesIO(image))
    from pi_heif import HeifImageFile  # a fifth of a second, for those who need it

    return HeifImageFile(io.BytesIO(image))


def _of_8_bits(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise UnusableError("not_an_image", "its values are numbers of 32 bits, not colours")
    if picture.mode in ("1", "L"):
        return picture.convert("L")
    has_alpha = "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "RGBa")
    return picture.convert("RGBA" if has_alpha else "RGB")


def _sentence(name: str, error: Exception) -> str:
    return f"the {name.upper()} cannot be decoded: {error or type(error).__name__}"
