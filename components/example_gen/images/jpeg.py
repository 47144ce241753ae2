"""JPEG: its header, and one decode that finds damage and is no larger than needed.

libjpeg can decode at 1/2, 1/4 or 1/8 of the size from the low frequencies of each block. It still
reads every bit of the file, so that damage shows; only arithmetic and memory are saved.

Source: ITU-T T.81, Annex B.
"""

import contextlib
import io
import re
import struct

import numpy as np
import simplejpeg
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from components.example_gen.images.headers import Header, exif_orientation
from components.example_gen.images.prepared import (
    THUMBNAIL,
    Prepared,
    in_order,
    thumbnail,
    upright,
)
from components.example_gen.images.shrink import shrunk
from components.example_gen.rows import UnusableError

_READ = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive; all Huffman-coded
_OTHER_FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical",
    0xC9: "arithmetic-coded", 0xCA: "arithmetic-coded", 0xCB: "lossless", 0xCD: "hierarchical",
    0xCE: "hierarchical", 0xCF: "hierarchical",
}  # fmt: skip
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1  # second bytes of markers
QUALITY = 95  # of what is encoded anew, with full colour resolution
_END_MARKER = b"\xff\xd9"
# libjpeg's messages for an end marker that is missing, and for one that follows other bytes.
_NO_END = "Premature end of JPEG file"
_LATE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_FEW = 64  # bytes; of 600 JPEGs with one wrong bit, all had none or 65 to 415 bytes left over
# Of 1/n of the size. libjpeg's other scales have no vector code; 3/8 shows stripes of one pixel as
# others, by 4 of 255 levels in the mean.
_SCALES = (8, 4, 2)


def parse(image: bytes) -> Header:  # noqa: PLR0912  one for each kind of marker
    """Read the size, colours and orientation from the segments up to the first scan."""
    size: tuple[int, int] | None = None
    turned, colours, at = 0, 0, 2
    while True:
        if image[at] != 0xFF:
            raise UnusableError("damaged_header", f"no JPEG marker at byte {at:,}")
        while image[at + 1] == 0xFF:  # fill bytes before a marker are legal
            at += 1
        marker = image[at + 1]
        if marker in _ALONE:
            at += 2
            continue
        if marker == _END:
            raise UnusableError("damaged_header", "the JPEG ends before its pixels")
        (length,) = struct.unpack_from(">H", image, at + 2)
        if marker == _SCAN:
            break
        if marker in _OTHER_FRAMES:
            raise UnusableError("not_an_image", f"looks like {_OTHER_FRAMES[marker]} JPEG")
        if marker in _READ:
            bits, height, width, colours = struct.unpack_from(">BHHB", image, at + 4)
            if size is not None:
                raise UnusableError("damaged_header", "the JPEG gives its size twice")
            size = width, height
            if bits != 8:
                raise UnusableError("not_an_image", f"looks like {bits}-bit JPEG")
            if colours not in (1, 3, 4):
                raise UnusableError("damaged_header", f"the JPEG has {colours} components")
        elif marker == _APP1 and not turned and image[at + 4 : at + 10] == b"Exif\0\0":
            turned = exif_orientation(image[at + 10 : at + 2 + length])
        at += 2 + length
    if size is None:
        raise UnusableError("damaged_header", "the JPEG does not give its size")
    return Header("jpeg", *size, turned or 1, colours=colours)


def prepare_jpeg(image: bytes, header: Header, size: tuple[int, int]) -> Prepared:
    """Check a JPEG; keep it, or store it upright, in grey or RGB and smaller.

    Args:
        image: encoded.
        header: of it.
        size: width and height to store, before turning; those of the header keep the image.

    Raises:
        UnusableError: `damaged_pixels`; also where libjpeg only warns, such as of pixels that end
            early.
    """
    try:
        return _prepare(image, header, size, set())
    except UnusableError as error:
        mended = _with_end(image, error.detail)
        if mended is not None:
            with contextlib.suppress(UnusableError):
                return _prepare(mended, header, size, {"end_marker"})
        raise


def _prepare(image: bytes, header: Header, size: tuple[int, int], changed: set[str]) -> Prepared:
    whole = (header.width, header.height)
    if size == whole:
        picture = _picture(_decode(image, header, (THUMBNAIL, THUMBNAIL)))
        small = thumbnail(upright(picture, header.orientation))
        size = size if header.orientation < 5 else size[::-1]
        return Prepared(image, "jpeg", *size, small, in_order(changed))
    pixels = _decode(image, header, size)
    pixels = shrunk(pixels, size, pixels.shape[1::-1] != whole)
    picture = upright(_picture(pixels), header.orientation)
    if header.orientation != 1:
        pixels = np.asarray(picture).reshape(*picture.size[::-1], pixels.shape[-1])
    small = thumbnail(picture)
    return Prepared(_encode(pixels), "jpeg", *picture.size, small, in_order(changed | {"shrunk"}))


def _with_end(image: bytes, message: str) -> bytes | None:
    """Put the end marker where it should be, if that is all the decoder complains about.

    Only decoding the result shows whether the pixels before the marker are complete.
    """
    if message == _NO_END:
        # A file that was cut off may be filled up with zeros, which would count as pixels.
        whole = image.rstrip(b"\0")
        return whole + (b"\0" if whole[-1:] == b"\xff" != image[-1:] else b"") + _END_MARKER
    late = _LATE_END.search(message)
    if not late or _END_MARKER not in image:
        return None
    end = image.rindex(_END_MARKER)
    start = max(0, end - int(late[1]))
    # A damaged bit leaves more than a few bytes of pixels over, and these are not text or zeros.
    rubbish = image[start:end]
    return image[:start] + _END_MARKER if len(rubbish) < _FEW or rubbish.isascii() else None


def _decode(image: bytes, header: Header, at_least: tuple[int, int]) -> np.ndarray:
    """Decode at the smallest cheap scale that gives `at_least` (width, height).

    Returns:
        uint8 [height, width, channels]: one of grey or three of RGB.
    """
    sizes = (_scaled(header, divisor) for divisor in _SCALES)
    whole = (header.width, header.height)
    width, height = next(
        (size for size in sizes if size[0] >= at_least[0] and size[1] >= at_least[1]), whole
    )
    least = {"min_width": width, "min_height": height}
    layout = {1: "GRAY", 3: "RGB", 4: "CMYK"}[header.colours]
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(image, layout, **least))
    except ValueError as error:
        if "subsampling" in str(error):
            return _rare_sampling(image)
        raise UnusableError("damaged_pixels", str(error)) from error
    return _rgb(pixels) if header.colours == 4 else pixels


def _scaled(header: Header, divisor: int) -> tuple[int, int]:
    return -(-header.width // divisor), -(-header.height // divisor)


def _rare_sampling(image: bytes) -> np.ndarray:
    """Decode in full where simplejpeg does not know how the colours are sampled.

    Pillow and TensorFlow know every sampling. Of damage, only an early end is found.
    """
    try:
        with JpegImageFile(io.BytesIO(image)) as picture:
            picture.load()
            return np.asarray(picture.convert("RGB"))
    except Exception as error:  # Pillow raises many types, struct.error and OSError among them
        raise UnusableError("damaged_pixels", str(error)) from error


def _rgb(cmyk: np.ndarray) -> np.ndarray:
    """Convert CMYK to RGB by C x K / 255: stored inverted, as Adobe does and viewers assume."""
    wide = cmyk.astype(np.uint16)
    rgb = (wide[..., :3] * wide[..., 3:] + 127) // 255
    return rgb.astype(np.uint8)


def _picture(pixels: np.ndarray) -> Image.Image:
    """Copy uint8 [height, width, 1 or 3] into an image of Pillow's."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _encode(pixels: np.ndarray) -> bytes:
    pixels = np.ascontiguousarray(pixels)
    if pixels.shape[-1] == 1:
        return bytes(simplejpeg.encode_jpeg(pixels, QUALITY, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(pixels, QUALITY, "RGB", "444"))
