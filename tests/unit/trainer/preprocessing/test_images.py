import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.support.peak_memory import begin_peak, peak
from trainer.config.transform import ImageConfig
from trainer.preprocessing import images
from trainer.preprocessing.image_files.image_formats import decode as decode_image


def encode(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def decoded(picture: Image.Image, kind: str) -> np.ndarray:
    return decode_image(tf.constant(encode(picture, kind))).numpy()


@pytest.mark.parametrize("kind", ["png", "gif", "bmp"])
def test_lossless_formats_decode_to_their_pixels(kind):
    picture = Image.new("RGB", (3, 2), (200, 100, 50))
    picture.putpixel((2, 1), (1, 2, 3))
    np.testing.assert_array_equal(decoded(picture, kind), np.asarray(picture))


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_lossy_formats_decode_close_to_their_pixels(kind):
    picture = Image.new("RGB", (16, 16), (200, 100, 50))
    np.testing.assert_allclose(decoded(picture, kind), np.asarray(picture), atol=4)


def test_transparency_lies_over_white():
    # 100 x 0.5 + 255 x 0.5, with alpha 128 / 255 = 0.50196: 177.2, which becomes 177
    half = decoded(Image.new("RGBA", (1, 1), (100, 0, 255, 128)), "png")
    np.testing.assert_array_equal(half[0, 0], [177, 127, 255])
    clear = decoded(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "png")
    np.testing.assert_array_equal(clear[0, 0], [255, 255, 255])


def test_transparency_gives_whole_numbers_in_every_graph():
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    image = np.stack([colour, colour, colour, alpha], -1).astype(np.uint8)
    saved = io.BytesIO()
    Image.fromarray(image, "RGBA").save(saved, "png")
    # The closest to a half that a sum comes is 1 / 510: integers round all of them right.
    expected = (colour * alpha + 255 * (255 - alpha) + 127) // 255
    for decode in (decode_image, tf.function(decode_image)):
        found = decode(tf.constant(saved.getvalue())).numpy()
        np.testing.assert_array_equal(found[..., 0], expected)


def test_grey_grey_with_alpha_and_palette():
    np.testing.assert_array_equal(decoded(Image.new("L", (1, 1), 70), "png")[0, 0], [70] * 3)
    np.testing.assert_array_equal(decoded(Image.new("LA", (1, 1), (70, 0)), "png")[0, 0], [255] * 3)
    palette = Image.new("RGB", (2, 2), (9, 8, 7)).quantize(4)
    np.testing.assert_array_equal(decoded(palette, "png")[0, 0], [9, 8, 7])


def test_pad_shows_the_whole_image_on_white_and_crop_its_centre():
    # 4 wide, 2 high: left half black, right half red
    wide = np.zeros((2, 4, 3), np.float32)
    wide[:, 2:] = [255, 0, 0]
    padded = images.fit_to_square(tf.constant(wide), 4, "pad").numpy()
    assert (padded[0] == 255).all()
    assert (padded[3] == 255).all()
    np.testing.assert_array_equal(padded[1:3], wide)
    cropped = images.fit_to_square(tf.constant(wide), 2, "crop").numpy()
    np.testing.assert_array_equal(cropped, wide[:, 1:3])


def test_resizing_is_antialiased():
    # A checkerboard of single pixels becomes even grey, not black or white.
    board = np.indices((64, 64)).sum(0) % 2 * 255.0
    small = images.fit_to_square(tf.constant(np.stack([board] * 3, -1), tf.float32), 8, "pad")
    assert np.abs(small.numpy()[2:-2, 2:-2].astype(float) - 127.5).max() < 8


@pytest.mark.parametrize(("encoding", "off"), [("png", 0), ("jpeg", 6)])
def test_a_batch_of_mixed_files_comes_back_eagerly_and_in_a_dataset(encoding, off):
    config = ImageConfig(size=16, encoding=encoding)
    smooth = np.linspace(0, 255, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8)
    files = [encode(Image.fromarray(smooth), "png"), encode(Image.new("L", (5, 9), 40), "bmp")]
    small = images.transform(tf.constant(files), config)
    back = [images.read(one, config).numpy() for one in small]
    np.testing.assert_allclose(back[0], smooth, atol=off)
    dataset = tf.data.Dataset.from_tensors(files).map(lambda f: images.transform(f, config))
    assert next(iter(dataset)).numpy().tolist() == small.numpy().tolist()


@pytest.mark.parametrize("upright", [True, False])
def test_the_centre_of_a_long_image_is_that_of_the_whole_one(upright):
    size, long = 24, np.random.default_rng(0).uniform(0, 255, (1_000, 3, 3)).astype(np.float32)
    rgb = long if upright else long.transpose(1, 0, 2)
    whole = tf.image.resize(rgb, [1_000 * 8, size] if upright else [size, 1_000 * 8])
    middle = slice((8_000 - size) // 2, (8_000 + size) // 2)
    expected = whole[middle] if upright else whole[:, middle]
    cropped = images.fit_to_square(tf.constant(rgb), size, "crop")
    np.testing.assert_array_equal(cropped, np.round(expected))


def test_a_row_of_pixels_is_cropped_in_little_memory():
    """Resized as a whole it would be 1.6 GB, and 30 at 224 pixels."""
    row = encode(Image.new("RGB", (65_000, 1), (9, 99, 199)), "png")
    before = begin_peak()
    config = ImageConfig(size=45, fit="crop")
    assert (images.transform_and_read(tf.constant(row), config) == [9, 99, 199]).numpy().all()
    assert peak() - before < 300 << 20
