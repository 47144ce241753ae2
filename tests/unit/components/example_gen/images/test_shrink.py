"""Shrinking behind libjpeg's scaling, against the serving graph's filter on the full size."""

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from components.example_gen.images.shrink import shrunk


def photo(width: int, height: int, channels: int) -> np.ndarray:
    """Return smooth shapes with grain, uint8 [height, width, channels]."""
    rng = np.random.default_rng(0)
    shapes = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    smooth = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    grain = rng.normal(0, 7, (height, width, 3))
    return np.ascontiguousarray((smooth + grain).clip(0, 255).astype(np.uint8)[..., :channels])


def triangle(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    whole = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return np.asarray(whole.resize(size, Image.Resampling.BILINEAR), int).reshape(*size[::-1], -1)


# A width of 460 leaves a factor of 1.03 behind a half, 640 one of 1.43, 880 one of 1.96; 5,000 one
# of 2.8 behind an eighth. The smaller the factor, the more of the work was libjpeg's, whose filter
# is another one.
@pytest.mark.parametrize(
    ("width", "scale", "most"),
    [(460, 2, 1.9), (640, 2, 0.9), (880, 2, 0.6), (1700, 4, 0.6), (5000, 8, 0.6)],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_is_close_to_the_triangle_filter_on_the_full_size(width, scale, most, channels):
    height, size = width * 3 // 4, (224, 168)
    colours = {1: ("GRAY", "Gray"), 3: ("RGB", "444")}[channels]
    jpeg = simplejpeg.encode_jpeg(photo(width, height, channels), 95, *colours)
    whole = simplejpeg.decode_jpeg(jpeg, colours[0])
    least = {"min_width": -(-width // scale), "min_height": -(-height // scale)}
    decoded = simplejpeg.decode_jpeg(jpeg, colours[0], **least)
    assert decoded.shape[1] == least["min_width"]
    ours = shrunk(decoded, size, is_scaled=True)
    assert (ours.dtype, ours.shape) == (np.uint8, (168, 224, channels))
    assert np.abs(ours - triangle(whole, size)).mean() < most


@pytest.mark.parametrize("channels", [1, 3])
def test_what_was_decoded_in_full_gets_the_triangle_filter(channels):
    whole = photo(400, 300, channels)
    assert np.array_equal(shrunk(whole, (224, 168), False), triangle(whole, (224, 168)))


@pytest.mark.parametrize("width", [440, 640, 880])
def test_stripes_do_not_alias(width):
    """Of one pixel, black and white: an even grey of 127.5 is right, whatever the filter."""
    stripes = np.zeros((width * 3 // 4, width, 3), np.uint8)
    stripes[:, ::2] = 255
    jpeg = simplejpeg.encode_jpeg(stripes, 95, "RGB", "444")
    half = simplejpeg.decode_jpeg(jpeg, "RGB", min_width=width // 2, min_height=width * 3 // 8)
    assert abs(shrunk(half, (210, 157), True).astype(int) - 128).mean() < 9


def test_pixels_of_the_right_size_are_left_alone():
    whole = photo(40, 30, 3)
    assert shrunk(whole, (40, 30), True) is whole
