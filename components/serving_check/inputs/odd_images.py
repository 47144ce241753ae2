"""Small images of every odd kind that a client may send, with plain counterparts.

Drawn of flat blocks of 16 x 16 pixels, which JPEG keeps: its decoders differ in how they round the
cosine transform and in how they smooth colours, and here there is nothing to round or to smooth.
"""

import dataclasses
import io
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

_BLOCK = 16
_COLOURS = [  # grey levels and colours, no two rows or columns of which are mirror images
    [(250, 250, 250), (200, 40, 30), (40, 160, 60)],
    [(30, 60, 190), (120, 120, 120), (240, 200, 40)],
]
_ORIENTATION = 0x0112
_WHITE = (255, 255, 255, 255)


@dataclasses.dataclass(frozen=True)
class OddImage:
    """An image of an odd kind, and what it shows as a plain PNG in RGB."""

    kind: str
    image: bytes
    plain: bytes


def odd_images() -> list[OddImage]:
    """Draw one image of each kind."""
    return [*_pngs(), *_jpegs(), *_others(), *_turned()]


def _drawn() -> Image.Image:
    blocks = np.array(_COLOURS, np.uint8).repeat(_BLOCK, 0).repeat(_BLOCK, 1)
    return Image.fromarray(blocks)


def _clear() -> Image.Image:
    """With one block that is transparent and one that is half so."""
    picture = _drawn().convert("RGBA")
    picture.paste((9, 9, 9, 0), (0, 0, _BLOCK, _BLOCK))
    # A fifth of (200, 40, 30) and four of white: (244, 212, 210), which nobody has to round.
    picture.paste((200, 40, 30, 51), (_BLOCK, 0, 2 * _BLOCK, _BLOCK))
    return picture


def _clear_grey() -> Image.Image:
    picture = _drawn().convert("LA")
    picture.paste((9, 0), (0, 0, _BLOCK, _BLOCK))
    picture.paste((80, 51), (_BLOCK, 0, 2 * _BLOCK, _BLOCK))
    return picture


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _plain(picture: Image.Image) -> bytes:
    clear = picture.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", clear.size, _WHITE), clear)
    return _encoded(shown.convert("RGB"), "png")


def _pngs() -> Iterator[OddImage]:
    drawn, clear = _drawn(), _clear()
    for kind, picture in (
        ("grey PNG", drawn.convert("L")),
        ("PNG of grey and alpha", _clear_grey()),
        ("PNG with alpha", clear),
        ("PNG with a palette", drawn.quantize(8)),
    ):
        yield OddImage(kind, _encoded(picture, "png"), _plain(picture))
    first = drawn.getpixel((0, 0))
    white = drawn.copy()
    white.paste(_WHITE[:3], (0, 0, _BLOCK, _BLOCK))
    grey, palette = drawn.convert("L"), drawn.quantize(8)
    for kind, picture, colour in (
        ("RGB PNG with a transparent colour", drawn, first),
        ("grey PNG with a transparent colour", grey, grey.getpixel((0, 0))),
        ("palette PNG with a transparent colour", palette, palette.getpixel((0, 0))),
    ):
        plain = _plain(white.convert("L") if picture is grey else white)
        yield OddImage(kind, _encoded(picture, "png", transparency=colour), plain)
    for kind, values in (("RGB PNG of 16 bits", drawn), ("grey PNG of 16 bits", grey)):
        wide = np.atleast_3d(np.asarray(values)).astype(np.uint16) * 256 + 37
        yield OddImage(kind, tf.io.encode_png(wide).numpy(), _plain(values))


def _jpegs() -> Iterator[OddImage]:
    drawn = _drawn()
    cmyk = _encoded(drawn.convert("CMYK"), "jpeg", quality=95)
    at = cmyk.index(b"\xff\xee")  # Adobe's marker, 16 bytes, of which the last says how to convert
    for kind, image in (
        ("grey JPEG", _encoded(drawn.convert("L"), "jpeg", quality=95)),
        (
            "progressive JPEG",
            # Colours in full resolution have no soft edges: an export that stores JPEG may pass
            # this file on and encode its plain counterpart, which must not change it.
            _encoded(drawn, "jpeg", quality=95, progressive=True, subsampling=0),
        ),
        ("CMYK JPEG", cmyk),
        ("YCCK JPEG", cmyk[: at + 15] + b"\2" + cmyk[at + 16 :]),
        ("CMYK JPEG without Adobe's marker", cmyk[:at] + cmyk[at + 16 :]),
    ):
        with Image.open(io.BytesIO(image)) as shown:
            yield OddImage(kind, image, _plain(shown.convert("RGB")))


def _others() -> Iterator[OddImage]:
    drawn, clear, palette = _drawn(), _clear(), _drawn().quantize(8)
    more = {"save_all": True, "append_images": [drawn.rotate(180)]}
    white = drawn.copy()
    white.paste(_WHITE[:3], (0, 0, _BLOCK, _BLOCK))
    corner = palette.getpixel((0, 0))
    for kind, image, shown in (
        ("GIF with a transparent colour", _encoded(palette, "gif", transparency=corner), white),
        ("animated GIF", _encoded(drawn, "gif", **more), drawn),
        ("animated PNG", _encoded(drawn, "png", **more), drawn),
        ("animated WebP", _encoded(drawn, "webp", lossless=True, **more), drawn),
        ("WebP with alpha", _encoded(clear, "webp", lossless=True, exact=True), clear),
        ("BMP with a palette", _encoded(palette, "bmp"), drawn),
        ("BMP of 32 bits", _encoded(drawn.convert("RGBA"), "bmp"), drawn),
    ):
        yield OddImage(kind, image, _plain(shown))


def _turned() -> Iterator[OddImage]:
    for kind, options in (("JPEG", {"quality": 95}), ("PNG", {}), ("WebP", {"lossless": True})):
        for orientation in range(2, 9):
            tags = Image.Exif()
            tags[_ORIENTATION] = orientation
            image = _encoded(_drawn(), kind.lower(), exif=tags, **options)
            with Image.open(io.BytesIO(image)) as stored:
                shown = _plain(ImageOps.exif_transpose(stored))
            name = f"{kind} of EXIF orientation {orientation}"
            yield OddImage(name, image, shown)
