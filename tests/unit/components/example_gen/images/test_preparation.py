"""Every kind of image: kept where TensorFlow shows it as it is meant, encoded anew where not."""

import io
import struct

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf
from PIL import Image

from components.example_gen.images.preparation import ImageLimits, prepare
from components.example_gen.rows import UnusableError
from tests.support.image_files import (
    ABOUT,
    EXACT,
    FEW,
    NOT_IN_THE_GRAPH,
    PALETTE,
    RGB,
    gif_with_too_small_a_palette,
)
from tests.support.image_kinds import encode, exif, picture
from tests.support.shown_images import CORNERS, LIMITS, corners, opened, shown, small


@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_what_a_viewer_shows(name):
    image, changed, expected = EXACT[name]
    result = prepare(image, LIMITS)
    assert result.changed == changed
    expected = expected if expected.ndim == 3 else expected[..., None]
    assert (result.height, result.width) == expected.shape[:2]
    # As a client sends it, and as it is stored; over white, the graph rounds to whole numbers.
    for each in {image, result.image} - ({image} if name in NOT_IN_THE_GRAPH else set()):
        np.testing.assert_array_equal(shown(each), expected * np.ones(3))
    assert result.image == image if not changed else result.format == "png"
    pixels = Image.fromarray((expected * np.ones(3)).astype(np.uint8))
    np.testing.assert_allclose(result.small, small(pixels), atol=3)


@pytest.mark.parametrize("name", ABOUT)
def test_lossy_pixels_are_about_what_a_viewer_shows(name):
    image, changed = ABOUT[name]
    result = prepare(image, LIMITS)
    assert result.changed == changed
    assert (result.image == image) == (not changed)
    assert result.format == ("png" if "bmp" in name else name.split()[0])
    np.testing.assert_allclose(shown(result.image), RGB, atol=9)
    if name not in NOT_IN_THE_GRAPH:
        # Decoders round their cosine transforms each in its own way, and smooth colours as well.
        np.testing.assert_allclose(shown(image), opened(image), atol=5)
    np.testing.assert_allclose(result.small, small(picture()), atol=6)


def test_a_grey_jpeg_stays_grey():
    image = encode(picture().convert("L"), "jpeg", quality=95)
    assert prepare(image, LIMITS).image == image
    shrunk = prepare(image, ImageLimits(10**6, 10**6, 24))
    assert Image.open(io.BytesIO(shrunk.image)).mode == "L"


def test_a_jpeg_with_a_rare_sampling_of_its_colours():
    """2x2, 2x1 and 1x1: three blocks of 16 x 16 pixels need 21 of 8 x 8, as 56 x 8 pixels did."""
    image = bytearray(encode(Image.new("RGB", (56, 8), (128,) * 3), "jpeg", keep_rgb=True))
    frame = image.index(b"\xff\xc0")
    image[frame + 5 : frame + 9] = struct.pack(">HH", 16, 48)
    image[frame + 11 : frame + 18 : 3] = b"\x22\x21\x11"
    rare = bytes(image)
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg(rare)
    result = prepare(rare, LIMITS)
    assert (result.image, result.width, result.height) == (rare, 48, 16)
    assert (result.small == 128).all()
    assert (shown(rare) == 128).all()
    shrunk = prepare(rare, ImageLimits(10**6, 10**6, 32))
    np.testing.assert_allclose(shown(shrunk.image), 128, atol=1)
    with pytest.raises(UnusableError, match="damaged_pixels"):
        prepare(rare[:-12], LIMITS)


def test_a_gif_with_pixels_outside_its_palette_is_encoded_anew():
    image = gif_with_too_small_a_palette()
    with pytest.raises(tf.errors.OpError):
        shown(image)
    result = prepare(image, LIMITS)
    assert result.changed == ("palette",)
    inside = np.asarray(FEW) < 8
    np.testing.assert_array_equal(shown(result.image)[inside], PALETTE[inside])


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize(
    ("kind", "stays", "options"),
    [
        ("jpeg", "jpeg", {"quality": 95}),
        ("png", "png", {}),
        ("webp", "png", {"lossless": True}),
    ],
)
def test_orientation(kind, stays, options, orientation):
    order = "<>"[orientation % 2]
    block = exif(orientation, order)
    block = block if kind == "png" else b"Exif\0\0" + block
    image = encode(picture(), kind, exif=block, **options)
    for max_side in (None, 36):
        result = prepare(image, ImageLimits(10**6, 10**6, max_side))
        assert result.changed == (("shrunk",) if max_side else ())
        assert result.format == (stays if result.changed else kind)
        long, short = (48, 40) if max_side is None else (36, 30)
        sides = (long, short) if orientation < 5 else (short, long)
        assert (result.width, result.height) == sides
        assert shown(result.image).shape == (*sides[::-1], 3)
        expected = corners(RGB)[list(CORNERS[orientation])]
        np.testing.assert_allclose(corners(shown(result.image)), expected, atol=12)
        np.testing.assert_allclose(corners(result.small), expected, atol=16)
    np.testing.assert_allclose(shown(image), opened(image), atol=5 if kind == "jpeg" else 0)
