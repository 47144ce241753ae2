"""TIFF, AVIF and HEIC, which TensorFlow cannot decode, so that ingest encodes them anew.

Their headers are nested boxes and directories: Pillow reads them without decoding a pixel.
"""

import io
import struct
from typing import Final

import numpy as np
from PIL import Image, ImageOps
from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from components.example_gen.images.formats import AVIF, HEIC, TIFF
from components.example_gen.images.headers import Header
from components.example_gen.images.prepared import of_mode
from components.example_gen.rows import UnusableError

FORMATS: Final = (TIFF, AVIF, HEIC)
LOSSY: Final = (AVIF, HEIC)
# Bytes of a value, of the types of TIFF whose values have more than one.
_SIZES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def parse(image: bytes, name: str) -> Header:
    """Read the size. `plain` applies the orientation.

    Raises:
        UnusableError: `damaged_header`.
    """
    if name == TIFF and _tag_bytes(image) > len(image):
        raise UnusableError("damaged_header", "the TIFF's tags hold more than the file has")
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
            ImageOps.exif_transpose(picture, in_place=True)
            return of_8_bits(picture)
    except UnusableError:
        raise
    except Exception as error:  # as above
        raise UnusableError("damaged_pixels", _sentence(name, error)) from error


def _tag_bytes(image: bytes) -> int:
    """Return the bytes of all values of the first directory: Pillow reads each of them.

    Source: TIFF 6.0, section 2, and BigTIFF's design: there are 8 bytes where others have 4.
    """
    order = "<" if image[:2] == b"II" else ">"
    big = image[2:4] in (b"+\0", b"\0+")
    count, entry, value = ("Q", "HHQ8x", 8) if big else ("H", "HHI4x", 4)
    try:
        (start,) = struct.unpack_from(order + ("Q" if big else "I"), image, 8 if big else 4)
        (entries,) = struct.unpack_from(order + count, image, start)
        start += struct.calcsize(order + count)
        size = struct.calcsize(order + entry)
        end = min(len(image), start + entries * size)
        fields = struct.iter_unpack(order + entry, image[start : end - (end - start) % size])
        lengths = (_SIZES.get(kind, 1) * number for _, kind, number in fields)
        return sum(length for length in lengths if length > value)
    except (struct.error, IndexError):
        return 0  # Pillow's error says more


def _open(image: bytes, name: str) -> ImageFile:
    # By their classes: Image.open would apply a limit of its own, and warn.
    if name == TIFF:
        return TiffImageFile(io.BytesIO(image))
    if name == AVIF:
        return AvifImageFile(io.BytesIO(image))
    from pi_heif import HeifImageFile  # takes 0.2 s to import

    return HeifImageFile(io.BytesIO(image))


def of_8_bits(picture: Image.Image) -> Image.Image:
    """Convert an image of any mode of Pillow's to L, RGB or RGBA.

    Raises:
        UnusableError: `not_an_image` where the values are not colours.
    """
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise UnusableError("not_an_image", "its values are numbers of 32 bits, not colours")
    if picture.mode in ("1", "L"):
        return of_mode(picture, "L")
    has_alpha = "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "RGBa")
    return of_mode(picture, "RGBA" if has_alpha else "RGB")


def _sentence(name: str, error: Exception) -> str:
    return f"the {name.upper()} cannot be decoded: {error or type(error).__name__}"
