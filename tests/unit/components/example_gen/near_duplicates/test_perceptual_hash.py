import imagehash
import numpy as np
import pytest
from PIL import Image

from components.example_gen.near_duplicates.perceptual_hash import (
    FINGERPRINT,
    LENGTH,
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


def test_colours_are_low_frequencies_of_one_length():
    images = varied(20)
    y, x = np.mgrid[:32, :32]
    seen = set()
    for image, found in zip(images, colours(images), strict=True):
        expected = np.zeros((3, 6, 6))
        for k in range(6):
            for m in range(6):
                waves = np.cos(np.pi * k * (2 * y + 1) / 64) * np.cos(np.pi * m * (2 * x + 1) / 64)
                waves /= np.sqrt((waves**2).sum())
                expected[:, k, m] = (image * waves[..., None]).sum((0, 1))
        direction = expected.reshape(3, 36)[:, 1:].ravel()
        length = np.linalg.norm(direction)
        # Of noise that is fine and faint hardly anything is left: 3 levels of each of 3,072 values.
        scale = LENGTH / length if length > 3 * np.sqrt(3 * 32 * 32) else 0
        seen.add(scale > 0)
        np.testing.assert_array_equal(found, np.rint(direction * scale))
    assert seen == {True, False}
    assert colours(images[3]).tolist() == colours(images)[3].tolist()


def test_neither_brightness_nor_contrast_changes_the_colours():
    blocks = np.random.default_rng(0).integers(60, 124, (4, 4, 3), np.uint8)
    image = blocks.repeat(8, 0).repeat(8, 1)
    cosines = [
        int(colours(image).astype(int) @ colours(other).astype(int)) / LENGTH**2
        for other in (image + 20, image * 2 - 60, 255 - image)
    ]
    assert cosines == pytest.approx([1, 1, -1], abs=0.01)


def test_an_image_that_hardly_varies_has_no_colours():
    wave = np.cos(np.pi * (2 * np.arange(32) + 1) / 64)  # its root mean square is 0.71
    for height, flat in ((3.5, True), (5.0, False)):
        image = np.rint(128 + height * wave[:, None, None].repeat(32, 1).repeat(3, 2))
        assert (not colours(image.astype(np.uint8)).any()) == flat
    assert not colours(np.full((32, 32, 3), 200, np.uint8)).any()


def test_a_fingerprint_has_all_three():
    images = varied(8)
    images[5] = images[2]
    prints = fingerprints(images)
    assert prints.dtype == FINGERPRINT
    np.testing.assert_array_equal(prints["hash"], phash(grey(images)))
    np.testing.assert_array_equal(prints["colours"], colours(images))
    assert len(set(prints["digest"].tolist())) == 7
    assert prints["digest"][5] == prints["digest"][2]
    again = np.frombuffer(prints.tobytes(), FINGERPRINT)
    np.testing.assert_array_equal(again, prints)
    assert fingerprints(images[3]) == prints[3]
