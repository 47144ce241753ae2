"""Images with oddities, or of formats that only ingest decodes, as ingest and graph show them."""

import struct
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.example_gen.images.preparation import ImageLimits, prepare
from components.example_gen.rows import UnusableError
from tests.support.image_files import ABOUT, EXACT, FEW, HIGH, RGB, WIDE
from tests.support.image_kinds import bmp, encode, picture
from tests.support.odd_image_files import FOREIGN, MORE, cut_exif
from tests.support.shown_images import CORNERS, LIMITS, corners, opened, shown


@pytest.mark.parametrize("name", MORE)
def test_the_graph_shows_what_pillow_and_ingest_show(name):
    image = MORE[name]
    atol = 7 if name.startswith("jpeg") else 1.01  # Pillow rounds alpha, and JPEG as above
    np.testing.assert_allclose(shown(image), opened(image), atol=atol)
    prepared = prepare(image, LIMITS)
    np.testing.assert_allclose(shown(image), shown(prepared.image), atol=1e-4)
    assert (prepared.height, prepared.width) == shown(image).shape[:2]


@pytest.mark.parametrize(("missing", "high"), [(0, WIDE), (2, HIGH)])
def test_an_orientation_counts_where_its_whole_entry_is_there(missing, high):
    image = cut_exif(missing)
    assert shown(image).shape[0] == prepare(image, LIMITS).height == high


@pytest.mark.parametrize("size", [(1 << 14, (1 << 14) - 1), (0xFFFF, 1 << 12)])
def test_a_canvas_of_any_size_is_not_painted(size):
    """2**28 pixels and as many, of which a GIF would take 0.8 GB for a file of a hundred bytes."""
    image = encode(FEW, "gif")
    image = image[:6] + struct.pack("<HH", *size) + image[10:]
    with pytest.raises(tf.errors.InvalidArgumentError):
        shown(image)


def test_a_bmp_of_no_pixels_is_an_error_of_the_graph():
    with pytest.raises(tf.errors.OpError):
        shown(bmp(b"", 0, 0, 24))


@pytest.mark.parametrize("name", ["jpeg", "png rgb", "gif", "webp", "webp animated", "bmp"])
def test_what_is_cut_off_is_an_error_of_the_graph(name):
    files: dict[str, Any] = {**EXACT, **ABOUT}
    image = files[name][0]
    # The second frame of an animation is not looked at, nor is the checksum of a PNG's end.
    last = 2 if name == "webp animated" else 16 if name == "png rgb" else 4
    ends = (len(image) // 3, len(image) * 2 // 3, len(image) - last)
    for end in (0, 3, 12, *(ends[:1] if name == "webp animated" else ends)):
        with pytest.raises(tf.errors.OpError):
            shown(image[:end])


@pytest.mark.parametrize(
    ("rubbish", "end"), [(b"", b""), (bytes(20), b""), (b"r" * 9, b"\xff\xd9")]
)
def test_a_jpeg_that_lacks_only_its_end_marker_is_kept(rubbish, end):
    whole = encode(picture(), "jpeg", quality=95)
    for max_side in (None, 36):
        limits = ImageLimits(10**6, 10**6, max_side)
        result = prepare(whole[:-2] + rubbish + end, limits)
        assert result.changed == ("end_marker",) + (("shrunk",) if max_side else ())
        np.testing.assert_array_equal(shown(result.image), shown(prepare(whole, limits).image))
    for missing in (12, 40, 200) if not end else ():  # rubbish before the marker may hide a cut
        with pytest.raises(UnusableError, match="damaged_pixels"):
            prepare(whole[:-missing] + rubbish + end, LIMITS)


@pytest.mark.parametrize("name", FOREIGN)
def test_formats_that_the_graph_cannot_decode_are_encoded_anew(name):
    image, stored, expected, most = FOREIGN[name]
    result = prepare(image, LIMITS)
    assert (result.changed, result.format) == ((name.split()[0],), stored)
    assert (result.width, result.height) == (48, 40)
    np.testing.assert_allclose(shown(result.image), expected * np.ones(3), atol=most)
    with pytest.raises(tf.errors.OpError):
        shown(image)
    with pytest.raises(UnusableError, match="damaged_"):
        prepare(image[: len(image) // 4], LIMITS)
    with pytest.raises(UnusableError, match="too_many_pixels"):
        prepare(image, ImageLimits(48 * 40 - 1, 10**6))


@pytest.mark.parametrize("kind", ["tiff", "avif"])
def test_formats_that_pillow_alone_reads_are_turned_upright(kind):
    tags = Image.Exif()
    tags[0x0112] = 6
    options = {"quality": 95} if kind == "avif" else {}
    result = prepare(encode(picture(), kind, exif=tags, **options), LIMITS)
    assert (result.width, result.height) == (40, 48)
    expected = corners(RGB)[list(CORNERS[6])]
    np.testing.assert_allclose(corners(shown(result.image)), expected, atol=12)
