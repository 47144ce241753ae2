"""JPEG: one decode that finds damage, no larger than what is wanted of it.

libjpeg can decode at 1/2, 1/4 or 1/8 of the size from the low frequencies of each block. It still
reads every bit of the file, so that damage shows; only arithmetic and memory are saved.
"""

import contextlib
import io
import re

import numpy as np
import simplejpeg
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from components.example_gen.images.headers import Header
from components.example_gen.images.prepared import (
    THUMBNAIL,
    Prepared,
    fitted,
    in_order,
    thumbnail,
    upright,
)
from components.example_gen.records.reasons import UnusableError

QUALITY = 95  # of what is encoded anew, with full colour resolution
_END = b"\xff\xd9"
# libjpeg's words for an end marker that is missing, and for one that follows other bytes.
_NO_END = "Premature end of JPEG file"
_LATE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_FEW = 64  # bytes; one wrong bit in each of 600 JPEGs left 65 to 415 over, or none
_SCALES = (8, 4, 2)  # the others of libjpeg have no vector code: slower than the whole size


def prepare_jpeg(image: bytes, header: Header, max_side: int | None) -> Prepared:
    """Check a JPEG; keep it, or store it upright, in grey or RGB and within `max_side`.

    Raises:
        UnusableError: `damaged_pixels`; also where libjpeg only warns, such as of pixels that end
            early.
    """
    try:
        return _prepare(image, header, max_side, set())
    except UnusableError as error:
        mended = _with_end(image, error.detail)
        if mended is not None:
            with contextlib.suppress(UnusableError):
                return _prepare(mended, header, max_side, {"end_marker"})
        raise


def _prepare(image: bytes, header: Header, max_side: int | None, changed: set[str]) -> Prepared:
    size = fitted(header.width, header.height, max_side)
    if size == (header.width, header.height):
        small = upright(_decode(image, header, (THUMBNAIL, THUMBNAIL)), header.orientation)
        size = size if header.orientation < 5 else size[::-1]
        return Prepared(image, "jpeg", *size, thumbnail(small), in_order(changed))
    picture = _decode(image, header, size)
    if picture.size != size:
        # Sharper than the triangle filter, and half of the bicubic one's time.
        picture = picture.resize(size, Image.Resampling.HAMMING)
    picture = upright(picture, header.orientation)
    shrunk = in_order(changed | {"shrunk"})
    return Prepared(_encode(picture), "jpeg", *picture.size, thumbnail(picture), shrunk)


def _with_end(image: bytes, fault: str) -> bytes | None:
    """Put the end marker where it should be, if the decoder only complains about that.

    Whether the pixels before it are whole, decoding what is returned tells.
    """
    if fault == _NO_END:
        # Zeros may stand where a file was cut off: as pixels they would hide it.
        whole = image.rstrip(b"\0")
        return whole + (b"\0" if whole[-1:] == b"\xff" != image[-1:] else b"") + _END
    late = _LATE_END.search(fault)
    if not late or _END not in image:
        return None
    end = image.rindex(_END)
    start = max(0, end - int(late[1]))
    # A damaged bit leaves pixels over, which are more than a few bytes and not plain text or zeros.
    rubbish = image[start:end]
    return image[:start] + _END if len(rubbish) < _FEW or rubbish.isascii() else None


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
