"""Small images for pages, of whatever ingest reads."""

import io

import numpy as np
import pytest
from PIL import Image

from components.catalogue_index.thumbnails import thumbnail
from components.example_gen.images.preparation import ImageLimits

LIMITS = ImageLimits(max_pixels=1_000_000, max_bytes=1_000_000)


def halves(size=(200, 100), mode="RGB") -> Image.Image:
    """Red on the left and blue on the right."""
    picture = Image.new(mode, size, (255, 0, 0) if mode == "RGB" else (255, 0, 0, 255))
    blue = (0, 0, 255) if mode == "RGB" else (0, 0, 255, 0)
    picture.paste(blue, (size[0] // 2, 0, *size))
    return picture


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp", "bmp", "tiff"])
@pytest.mark.parametrize(("pixels", "size"), [(64, (64, 32)), (256, (200, 100))])
def test_an_image_is_shrunk_and_never_enlarged(kind, pixels, size):
    small = thumbnail(saved(halves(), kind), pixels, LIMITS)
    assert small is not None
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.size) == ("WEBP", size)
        colours = np.asarray(picture.convert("RGB"), int)
    assert abs(colours[size[1] // 2, 5] - (255, 0, 0)).max() < 25
    assert abs(colours[size[1] // 2, -5] - (0, 0, 255)).max() < 25


@pytest.mark.parametrize("pixels", [64, 256])
def test_a_rotated_image_stands_upright(pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    small = thumbnail(saved(halves(), "jpeg", exif=exif), pixels, LIMITS)
    assert small is not None
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.size == ((32, 64) if pixels == 64 else (100, 200))
        assert np.asarray(picture)[5, 10, 0] > 200  # red is on top


def test_transparency_stays():
    small = thumbnail(saved(halves(mode="RGBA"), "png"), 64, LIMITS)
    assert small is not None
    with Image.open(io.BytesIO(small)) as picture:
        alpha = np.asarray(picture)[..., 3]
    assert (alpha[16, 5], alpha[16, -5]) == (255, 0)


def test_what_cannot_be_shrunk_has_none():
    assert thumbnail(b"no image", 64, LIMITS) is None
    assert thumbnail(saved(halves((2000, 1000)), "png"), 64, LIMITS) is None  # too many pixels
    assert thumbnail(saved(halves(), "jpeg")[:300], 64, LIMITS) is None
