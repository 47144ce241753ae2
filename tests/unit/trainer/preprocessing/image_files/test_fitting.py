"""A file that has the right size is passed through, and shows what it showed."""

import io
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from trainer.config.transform import ImageConfig
from trainer.preprocessing import images
from trainer.preprocessing.image_files.image_formats import decode

SIZE = 24
ORIENTATION = 0x0112
PAD, CROP = ImageConfig(size=SIZE), ImageConfig(size=SIZE, fit="crop")


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A smooth picture with a little grain."""
    random = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[:height, :width]
    waves = [100 + 90 * np.sin(x / 9 + n) * np.cos(y / 7 - n) for n in range(3)]
    pixels = np.stack(waves, -1) + random.normal(0, 3, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def turned(image: Image.Image, kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(image, kind, exif=exif)


def slow_square(pixels: np.ndarray, fit: str) -> np.ndarray:
    """The square that images used to be stored as, written down in NumPy."""
    height, width, _ = pixels.shape
    if fit == "crop":
        top, left = (height - SIZE) // 2, (width - SIZE) // 2
        return pixels[top : top + SIZE, left : left + SIZE]
    square = np.full((SIZE, SIZE, 3), 255, np.uint8)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    square[top : top + height, left : left + width] = pixels
    return square


@pytest.mark.parametrize("config", [PAD, CROP], ids=["pad", "crop"])
@pytest.mark.parametrize("other", [1, 2, 13, 23, 24])
@pytest.mark.parametrize("upright", [True, False])
def test_a_passed_image_is_the_old_square_of_its_own_pixels(config, other, upright):
    long = other if config.fit == "pad" else SIZE + other
    sides = (long, SIZE) if upright else (SIZE, long)
    jpeg = encoded(picture(*sides), "jpeg", quality=95)
    for encoding in ("jpeg", "png"):
        chosen = config.model_copy(update={"encoding": encoding})
        [stored] = images.transform(tf.constant([jpeg]), chosen).numpy()
        assert stored == jpeg
        own = decode(tf.constant(jpeg)).numpy().astype(np.uint8)
        expected = slow_square(own, config.fit)
        np.testing.assert_array_equal(images.read(stored, chosen), expected)
        np.testing.assert_array_equal(images.transform_and_read(jpeg, chosen), expected)


OTHERS = {
    "too large": encoded(picture(SIZE + 1, 9), "jpeg"),
    "too small": encoded(picture(SIZE - 1, 9), "jpeg"),
    "turned": turned(picture(SIZE, 9), "jpeg", 6),
    "four colours": encoded(picture(SIZE, 9, "CMYK"), "jpeg"),
    "a transparent PNG": encoded(picture(SIZE, 9, "RGBA"), "png"),
    "a transparent colour": encoded(picture(SIZE, 9), "png", transparency=(1, 2, 3)),
    "one bit": encoded(picture(SIZE, 9, "1"), "png"),
    "16 bits": encoded(Image.fromarray(np.full((9, SIZE), 40_000, np.uint16)), "png"),
    "a turned PNG": turned(picture(SIZE, 9), "png", 3),
    "BMP": encoded(picture(SIZE, 9), "bmp"),
    "GIF": encoded(picture(SIZE, 9), "gif"),
    "WebP": encoded(picture(SIZE, 9), "webp"),
}
FITTING = {
    "grey": encoded(picture(SIZE, 9, "L"), "jpeg"),
    "progressive": encoded(picture(SIZE, 9), "jpeg", progressive=True),
    "EXIF that is upright": turned(picture(SIZE, 9), "jpeg", 1),
    "PNG": encoded(picture(SIZE, 9), "png"),
    "grey PNG": encoded(picture(SIZE, 9, "L"), "png"),
    "PNG with a palette": encoded(picture(SIZE, 9).quantize(200), "png"),
}


@pytest.mark.parametrize("name", [*OTHERS, *FITTING])
def test_other_files_are_stored_anew_with_the_pixels_that_a_viewer_shows(name):
    """Whatever way a file takes, training and serving see the same, which is what it shows."""
    config = ImageConfig(size=SIZE, encoding="png")
    body = OTHERS.get(name) or FITTING[name]
    [stored] = images.transform(tf.constant([body]), config).numpy()
    assert (stored == body) == (name in FITTING)
    expected = images.fit_to_square(decode(tf.constant(body)), SIZE, "pad").numpy()
    np.testing.assert_array_equal(images.read(stored, config), expected)
    np.testing.assert_array_equal(images.transform_and_read(body, config), expected)


def test_a_png_is_stored_anew_where_jpeg_is_wanted():
    config = ImageConfig(size=SIZE, encoding="jpeg")
    [stored] = images.transform(tf.constant([FITTING["PNG"]]), config).numpy()
    assert stored.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(("encoding", "off"), [("raw", 0), ("png", 0), ("jpeg", 3.0)])
def test_what_is_stored_comes_back_in_the_same_square(encoding, off):
    """Mean absolute difference of grey levels; `jpeg` is the tolerance of one encoding."""
    config = ImageConfig(size=SIZE, encoding=encoding)
    for width, height in ((60, 41), (7, 90), (100, 1)):
        png = encoded(picture(width, height), "png")
        [stored] = images.transform(tf.constant([png]), config).numpy()
        back = images.read(stored, config).numpy().astype(float)
        exact = images.fit_to_square(decode(tf.constant(png)), SIZE, "pad").numpy()
        assert np.abs(back - exact).mean() <= off
        served = images.transform_and_read(tf.constant(png), config).numpy()
        np.testing.assert_array_equal(served, back)


def test_records_in_raw_and_in_png_are_read_without_a_flag():
    """The first bytes say how a record is stored, so `auto` may choose differently by size."""
    assert [ImageConfig(size=size).stored for size in (32, 64, 65)] == ["raw", "raw", "png"]
    jpeg = tf.constant([encoded(picture(SIZE, 9), "jpeg")])
    both = [ImageConfig(size=SIZE, encoding=encoding) for encoding in ("raw", "png")]
    stored = [images.transform(jpeg, config).numpy()[0] for config in both]
    np.testing.assert_array_equal(images.read(stored[0], both[1]), images.read(stored[1], both[0]))


def test_a_shrunk_image_that_passes_differs_from_the_large_one_by_one_jpeg_encoding():
    """What ingest shrinks and encodes, against the same image served as it was: 2.5 grey levels."""
    config = ImageConfig(size=SIZE)
    large = picture(4 * SIZE, 3 * SIZE)
    shrunk = large.resize((SIZE, 3 * SIZE // 4), Image.Resampling.BILINEAR)
    passed = images.transform_and_read(encoded(shrunk, "jpeg", quality=95, subsampling=0), config)
    served = images.transform_and_read(encoded(large, "png"), config)
    assert np.abs(passed.numpy().astype(float) - served.numpy()).mean() < 2.5


@pytest.mark.parametrize("body", [b"", b"\xff\xd8\xff", FITTING["grey"][:60], FITTING["PNG"][:30]])
def test_damaged_bytes_are_an_error_of_the_decoder(body):
    config = ImageConfig(size=SIZE, encoding="png")
    with pytest.raises(tf.errors.InvalidArgumentError):
        images.transform_and_read(tf.constant(body), config)
