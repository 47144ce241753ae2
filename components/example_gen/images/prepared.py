"""What is stored of an image, and the names of the changes that were made to it."""

import dataclasses
from typing import Final

import numpy as np
from PIL import Image

THUMBNAIL: Final = 32  # pixels of the side of the image that is hashed
WHITE: Final = (255, 255, 255)

# The changes to images, in this order. Any other image is kept byte for byte: the transform graph
# decodes it as a client sends it, turned, transparent or CMYK.
CHANGES: Final = {
    "end_marker": "a JPEG that is whole but for its end marker, which is missing or follows "
    "rubbish: with the marker right behind the pixels, which stay as they are",
    "first_frame": "an animated GIF, PNG or WebP: its first frame, as PNG",
    "palette": "a GIF with pixels outside its palette: as PNG",
    "bmp": "a BMP that is compressed, of 16 bits or of OS/2: as PNG",
    "tiff": "a TIFF: its first page, as PNG",
    "avif": "an AVIF: as JPEG, or with transparency as PNG",
    "heic": "an HEIC: as JPEG, or with transparency as PNG",
    "shrunk": "larger than data.max_side or max_smaller_side: shrunk to it; JPEG, AVIF and HEIC "
    "become JPEG, the rest PNG",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """An image as it is stored.

    Attributes:
        image: encoded; the very bytes received where nothing was changed.
        format: of `image`, one of `schema.features.IMAGE_FORMATS`.
        width: in pixels, after turning and shrinking.
        height: likewise.
        small: uint8 [32, 32, 3], the whole image in RGB over white, for the perceptual hash.
        changed: keys of `CHANGES`, in its order.
    """

    image: bytes
    format: str
    width: int
    height: int
    small: np.ndarray
    changed: tuple[str, ...] = ()


def in_order(changed: set[str]) -> tuple[str, ...]:
    """Return the keys of `CHANGES` among `changed`, in its order."""
    return tuple(change for change in CHANGES if change in changed)


def of_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Convert an image to a mode; unlike Pillow, do not copy one that has it already."""
    return picture if picture.mode == mode else picture.convert(mode)


def fitted(
    width: int, height: int, max_side: int | None, max_smaller_side: int | None = None
) -> tuple[int, int]:
    """Return the largest size with the same aspect ratio that both limits allow.

    Args:
        width: in pixels.
        height: likewise.
        max_side: the most pixels of the larger side; None: any.
        max_smaller_side: likewise of the smaller side.
    """
    larger, smaller = max(width, height), min(width, height)
    scale = min((max_side or larger) / larger, (max_smaller_side or smaller) / smaller)
    if scale >= 1:
        return width, height
    return max(1, round(width * scale)), max(1, round(height * scale))


def thumbnail(picture: Image.Image) -> np.ndarray:
    """Shrink a whole image to 32 x 32 pixels, transparency over white: uint8 [32, 32, 3].

    By the triangle filter: a third of the time of Pillow's best one, while its box filter gives
    each pixel to one cell as a whole and so depends on the size. `picture` is L, LA, RGB, RGBX or
    RGBA.
    """
    small = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    if small.mode in ("LA", "RGBA"):
        small = small.convert("RGBA")
        small = Image.alpha_composite(Image.new("RGBA", small.size, WHITE), small)
    elif small.mode == "L":
        small = small.convert("RGB")
    return np.asarray(small)[..., :3]


# How an image of each EXIF orientation is turned upright.
_T = Image.Transpose
_TURNS: Final = {
    2: _T.FLIP_LEFT_RIGHT,
    3: _T.ROTATE_180,
    4: _T.FLIP_TOP_BOTTOM,
    5: _T.TRANSPOSE,
    6: _T.ROTATE_270,
    7: _T.TRANSVERSE,
    8: _T.ROTATE_90,
}


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn and mirror by an EXIF orientation, 1 to 8. Source: CIPA DC-008, 4.6.5.1.6."""
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)
