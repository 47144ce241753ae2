"""JPEG: one decode that finds damage, no larger than what is wanted of it.

libjpeg can decode at 1/2, 1/4 or 1/8 of the size from the low frequencies of each block. It still
reads every bit of the file, so that damage shows; only arithmetic and memory are saved.
"""

import io

import numpy as np
import simplejpeg
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from components.example_gen.headers import Header
from components.example_gen.prepared import (
    THUMBNAIL,
    Prepared,
    fitted,
    in_order,
    thumbnail,
    upright,
)
from components.example_gen.reasons import UnusableError

QUALITY = 95  # of what is encoded anew, with full colour resolution
_SCALES = (8, 4, 2)  # the others of libjpeg have no vector code: slower than the whole size


def prepare_jpeg(image: bytes, header: Header, max_side: int | None) -> Prepared:
    """Check a JPEG and store it upright, in grey or RGB and within `max_side`.

    Raises:
        UnusableError: `damaged_pixels`; also where libjpeg only warns, such as of an early end.
    """
    size = fitted(header.width, header.height, max_side)
    changed = set(header.changes)
    if size != (header.width, header.height):
        changed.add("shrunk")
    if header.orientation != 1:
        changed.add("turned")
    if not changed:
        small = thumbnail(_decode(image, header, (THUMBNAIL, THUMBNAIL)))
        return Prepared(image, "jpeg", *size, small)
    picture = _decode(image, header, size)
    if picture.size != size:
        # Sharper than the triangle filter, and half of the bicubic one's time.
        picture = picture.resize(size, Image.Resampling.HAMMING)
    picture = upright(picture, header.orientation)
    return Prepared(_encode(picture), "jpeg", *picture.size, thumbnail(picture), in_order(changed))


def _decode(image: bytes, header: Header, at_least: tuple[int, int]) -> Image.Image:
    """Decode to L or RGBX, at the smallest cheap scale that gives `at_least` (width, height)."""
    scale = next((each for each in _SCALES if _fits(header, each, at_least)), 1)
    least = {"min_width": -(-header.width // scale), "min_height": -(-header.height // scale)}
    layout = {1: "GRAY", 3: "RGBX", 4: "CMYK"}[header.colours]
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(image, layout, **least))
    except ValueError as error:
        if "subsampling" in str(error):
            return _rare_sampling(image)
        raise UnusableError("damaged_pixels", str(error)) from error
    if header.colours == 4:
        pixels = _rgbx(pixels)
    # No copy: Pillow keeps RGB in four bytes a pixel as well.
    mode = "L" if header.colours == 1 else "RGBX"
    size = pixels.shape[1], pixels.shape[0]
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)


def _fits(header: Header, scale: int, at_least: tuple[int, int]) -> bool:
    return -(-header.width // scale) >= at_least[0] and -(-header.height // scale) >= at_least[1]


def _rare_sampling(image: bytes) -> Image.Image:
    """Decode in full where simplejpeg does not know how the colours are sampled.

    Pillow and TensorFlow know every sampling. Of damage, only an early end is found.
    """
    try:
        with JpegImageFile(io.BytesIO(image)) as picture:
            picture.load()
            return picture.convert("RGB").convert("RGBX")
    except Exception as error:  # Pillow raises many types, struct.error and OSError among them
        raise UnusableError("damaged_pixels", str(error)) from error


def _rgbx(cmyk: np.ndarray) -> np.ndarray:
    """CMYK to RGB by C x K / 255: stored inverted, as Adobe does and every viewer assumes."""
    wide = cmyk.astype(np.uint16)
    rgb = (wide[..., :3] * wide[..., 3:] + 127) // 255
    return np.concatenate([rgb.astype(np.uint8), cmyk[..., 3:]], -1)


def _encode(picture: Image.Image) -> bytes:
    pixels = np.asarray(picture)
    if picture.mode == "L":
        pixels = np.ascontiguousarray(pixels[..., None])
        return bytes(simplejpeg.encode_jpeg(pixels, QUALITY, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(pixels, QUALITY, "RGBX", "444"))
