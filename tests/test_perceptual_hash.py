import imagehash
import numpy as np
from PIL import Image

from components.example_gen.perceptual_hash import (
    COLOURS,
    FINGERPRINT,
    SURE_ABOVE,
    colours,
    fingerprints,
    frequencies,
    grey,
    phash,
)


def varied(count: int) -> np.ndarray:
    """uint8 [count, 32, 32, 3]: noise, waves, blocks and dots, of any contrast."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    images = []
    for i in range(count):
        noise = random.normal(0, 1, (32, 32, 3))
        wave = np.sin(x * random.uniform(0, 1) + y * random.uniform(0, 1))[..., None]
        # Without noise some frequencies of blocks are 0, and their bits nothing but rounding.
        blocks = random.normal(0, 1, (4, 4, 3)).repeat(8, 0).repeat(8, 1) + 0.1 * noise
        dot = (np.hypot(x - random.integers(32), y - random.integers(32)) < 9)[..., None]
        mixed = [noise, wave + 0.1 * noise, blocks, dot + 0.01 * noise][i % 4]
        images.append(128 + random.uniform(2, 120) * mixed)
    return np.clip(images, 0, 255).astype(np.uint8)


def as_integer(each: imagehash.ImageHash) -> int:
    return int("".join("01"[int(bit)] for bit in each.hash.ravel()), 2)


def test_the_bits_are_those_of_imagehash():
    luma = grey(varied(200))
    expected = [as_integer(imagehash.phash(Image.fromarray(each))) for each in luma]
    assert len(set(expected)) > 190
    assert phash(luma).tolist() == expected
    assert phash(luma[7]) == expected[7]  # one alone


def test_frequencies_by_their_formula():
    luma = grey(varied(3))[2].astype(float)
    y, x = np.mgrid[:32, :32]
    for k, m in ((0, 0), (0, 5), (3, 2), (7, 7)):
        waves = np.cos(np.pi * k * (2 * y + 1) / 64) * np.cos(np.pi * m * (2 * x + 1) / 64)
        np.testing.assert_allclose(frequencies(luma)[8 * k + m], (luma * waves).sum(), atol=1e-6)


def test_grey_is_pillows():
    images = varied(20)
    for each in images:
        np.testing.assert_array_equal(grey(each), Image.fromarray(each).convert("L"))
    # 0.299 x 200 + 0.587 x 100 + 0.114 x 50 = 124.2
    assert grey(np.array([200, 100, 50], np.uint8)) == 124


def test_colours_are_the_means_of_squares_of_4_pixels():
    image = np.zeros((32, 32, 3), np.uint8)
    image[4:8, 28:32] = (200, 100, 50)  # square 1, 7
    image[8, 0] = (160, 0, 0)  # one of the 16 pixels of square 2, 0
    means = colours(image).reshape(8, 8, 3)
    assert means[1, 7].tolist() == [200, 100, 50]
    assert means[2, 0].tolist() == [10, 0, 0]
    assert means.sum() == 360
    many = colours(np.stack([image, 255 - image]))
    assert many.shape == (2, COLOURS)
    np.testing.assert_array_equal(many[0], colours(image))


def test_a_fingerprint_has_all_three():
    images = varied(8)
    prints = fingerprints(images)
    assert prints.dtype == FINGERPRINT
    np.testing.assert_array_equal(prints["hash"], phash(grey(images)))
    np.testing.assert_array_equal(prints["colours"], colours(images))
    for each, image in zip(prints, images, strict=True):
        above = frequencies(grey(image))
        above -= np.median(above)
        sure = [bool(int(each["sure"]) >> (63 - i) & 1) for i in range(64)]
        assert sure == (np.abs(above) > SURE_ABOVE).tolist()
    again = np.frombuffer(prints.tobytes(), FINGERPRINT)
    np.testing.assert_array_equal(again, prints)
    assert fingerprints(images[3]) == prints[3]


def test_of_one_colour_hardly_a_bit_is_sure():
    flat = np.full((32, 32, 3), 200, np.uint8)
    noisy = flat + np.random.default_rng(0).integers(0, 2, flat.shape, np.uint8)
    # Only the mean, the lowest frequency, lies far from the others.
    assert fingerprints(flat)["sure"] == fingerprints(noisy)["sure"] == 1 << 63
    assert fingerprints(np.zeros((32, 32, 3), np.uint8))["sure"] == 0
