"""What is stored of an image, and the names of what was done to it."""

import dataclasses
from typing import Final

import numpy as np
from PIL import Image

THUMBNAIL: Final = 32  # pixels of the side of what is hashed
WHITE: Final = (255, 255, 255)

# Why an image is encoded anew, in the order in which it is done. An image to which nothing of this
# applies is kept byte for byte.
CHANGES: Final = {
    "first_frame": "an animated GIF, PNG or WebP: its first frame, as PNG",
    "cmyk": "a CMYK or YCCK JPEG: RGB, as JPEG",
    "16_bit": "a PNG of 16 bits: the upper 8 of each value, as PNG",
    "transparent": "a GIF with transparency, or a grey or RGB PNG with a transparent colour: "
    "with alpha, as PNG",
    "palette": "a GIF with pixels outside its palette: as PNG",
    "bmp": "a BMP that is not of 24 bits without compression: as PNG",
    "shrunk": "larger than data.max_side: shrunk to it; JPEG stays JPEG, the rest becomes PNG",
    "turned": "an EXIF orientation: turned upright; JPEG stays JPEG, the rest becomes PNG",
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
    """The keys of `CHANGES` among `changed`, in its order."""
    return tuple(each for each in CHANGES if each in changed)


def fitted(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """The size with the same aspect ratio whose larger side is at most `max_side`."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    scale = max_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def thumbnail(picture: Image.Image) -> np.ndarray:
    """The whole image in 32 x 32 pixels, transparency over white: uint8 [32, 32, 3].

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


# How Pillow turns an image that has each EXIF orientation upright.
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
