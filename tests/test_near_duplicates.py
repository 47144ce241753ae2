import time

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from components.example_gen import near_duplicates
from components.example_gen.image_header import ImageLimits
from components.example_gen.near_duplicates import find
from components.example_gen.perceptual_hash import FINGERPRINT, fingerprints
from components.example_gen.prepare_image import prepare
from tests.image_kinds import encode

LIMITS = ImageLimits(10_000_000, 10_000_000)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def prints(hashes: list[int], sure: list[int] | None = None, colour: list[int] | None = None):
    result = np.zeros(len(hashes), FINGERPRINT)
    result["hash"] = np.array(hashes, np.uint64)
    result["sure"] = ALL if sure is None else np.array(sure, np.uint64)
    result["colours"] = 128 if colour is None else np.array(colour, np.uint8)[:, None]
    return result


def pairs(a: np.ndarray, b: np.ndarray, distance: int) -> list[tuple[int, int, int]]:
    found = find(a, b, distance)
    columns = found.index_a, found.index_b, found.bits
    return list(zip(*(column.tolist() for column in columns), strict=True))


def slow(a: np.ndarray, b: np.ndarray, distance: int) -> list[tuple[int, int, int]]:
    """By the words of the docstring, one pair at a time, in Python's integers."""
    found = []
    for i, one in enumerate(a):
        near = []
        for j, other in enumerate(b):
            sure = [int(each["sure"]) for each in (one, other)]
            both = sure[0] & sure[1]
            counted = both.bit_count()
            different = ((int(one["hash"]) ^ int(other["hash"])) & both).bit_count()
            if different * 64 > distance * counted:
                continue
            if 2 * counted < max(each.bit_count() for each in sure):
                continue
            x, y = one["colours"].astype(float), other["colours"].astype(float)
            y *= min(max((x.sum() + 1) / (y.sum() + 1), 1 / 1.07), 1.07)
            if np.abs(x - y).mean() <= near_duplicates.MAX_COLOUR_DIFFERENCE:
                near.append((-(-different * 64 // max(counted, 1)), j))
        if near:
            bits, j = min(near)
            found.append((i, j, bits))
    return found


def test_a_few_pairs_by_hand():
    a = prints([0b0, 0b1111, 0xFF00])
    b = prints([0b11, 0b111, 0b1])
    # 0 and 1 differ in one bit; 1111 and 111 in one; FF00 and the others in nine or more.
    assert pairs(a, b, 4) == [(0, 2, 1), (1, 1, 1)]
    assert pairs(a, b, 0) == []
    assert pairs(b, b, 0) == [(0, 0, 0), (1, 1, 0), (2, 2, 0)]


def test_bits_that_are_not_sure_do_not_count():
    # 32 sure bits, of them 1 differs: 2 of 64.
    low = 0xFFFFFFFF
    a, b = prints([0], [low]), prints([0xFFF << 32 | 1], [low])
    assert pairs(a, b, 1) == []
    assert pairs(a, b, 2) == [(0, 0, 2)]
    # 20 bits are sure in both, fewer than half of 64.
    assert pairs(prints([0], [(1 << 20) - 1]), prints([0]), 16) == []


def test_colours_decide_between_equal_hashes():
    a = prints([5], colour=[100])
    # 7 % brighter is another brightness, 20 % is another image.
    assert pairs(a, prints([5], colour=[107]), 0) == [(0, 0, 0)]
    assert pairs(a, prints([5], colour=[120]), 0) == []
    red, blue = prints([5]), prints([5])
    red["colours"], blue["colours"] = np.tile([200, 0, 0], 64), np.tile([0, 0, 200], 64)
    assert pairs(red, blue, 16) == []


def test_of_several_the_closest_and_of_those_the_first():
    b = prints([0b11, 0b1, 0b10, 0b1])
    assert pairs(prints([0]), b, 4) == [(0, 1, 1)]
    assert pairs(prints([0, 0]), b, 4) == [(0, 1, 1), (1, 1, 1)]


def test_nothing_to_compare():
    assert pairs(prints([]), prints([1]), 4) == pairs(prints([1]), prints([]), 4) == []


@pytest.mark.parametrize("blocks", [(16, 8192, 16384), (3, 7, 5)])
def test_against_every_pair_by_hand(monkeypatch, blocks):
    names = ("_BLOCK_A", "_BLOCK_B", "_BLOCK_PAIRS")
    for name, size in zip(names, blocks, strict=True):
        monkeypatch.setattr(near_duplicates, name, size)
    random = np.random.default_rng(0)
    centres = random.integers(0, 2**64, 6, np.uint64)

    def near(count: int) -> np.ndarray:
        few = random.integers(0, 64, (count, 5)).astype(np.uint64)
        hashes = random.choice(centres, count)
        for column in few.T:
            hashes = hashes ^ (np.uint64(1) << column)
        sure = [int(each) | 0xFFFFFF for each in random.integers(0, 2**64, count, np.uint64)]
        return prints(hashes.tolist(), sure, (128 + random.integers(-12, 12, count)).tolist())

    a, b = near(40), near(60)
    a[5:8] = b[10]
    for distance in (0, 4, 8, 16):
        expected = slow(a, b, distance)
        assert pairs(a, b, distance) == expected
    assert len(expected) > 20


def test_blank_images_do_not_take_the_square_of_their_number():
    blank = fingerprints(np.full((1, 32, 32, 3), 255, np.uint8)).repeat(20_000)
    start = time.monotonic()
    found = find(blank, blank, 8)
    assert time.monotonic() - start < 5
    assert len(found.index_a) == 20_000
    assert set(found.index_b.tolist()) == {0}


def drawing(seed: int, side: int = 256) -> Image.Image:
    """A symmetric drawing on white: many bits of its hash are noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    image = np.full((side, side, 3), 255.0)
    for _ in range(4):
        radius, height = random.uniform(0.15, 0.7), random.uniform(-0.4, 0.4)
        image[np.hypot(x, y - height) < radius] = random.integers(0, 256, 3)
    return Image.fromarray(image.astype(np.uint8))


def scene(seed: int, side: int = 256) -> Image.Image:
    """Clouds of colour at all scales, as in a photo."""
    random = np.random.default_rng(seed)
    image = np.zeros((side, side, 3))
    for step in (2, 4, 8, 16, 32, 64):
        noise = Image.fromarray(random.integers(0, 256, (step, step, 3), np.uint8))
        image += np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC), float) / step
    image -= image.min()
    return Image.fromarray((image * 255 / image.max()).astype(np.uint8))


def brighter(image: Image.Image, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


COPIES = {
    "quality 30": lambda image: encode(image, "jpeg", quality=30),
    "quality 95": lambda image: encode(image, "jpeg", quality=95),
    "webp": lambda image: encode(image, "webp", quality=60),
    "half": lambda image: encode(image.resize((128, 128)), "jpeg", quality=80),
    "three quarters": lambda image: encode(image.resize((192, 192)), "png"),
    "double": lambda image: encode(image.resize((512, 512)), "jpeg", quality=90),
    "darker": lambda image: encode(brighter(image, 0.95), "jpeg", quality=90),
    "brighter": lambda image: encode(brighter(image, 1.05), "jpeg", quality=90),
}
# Of a drawing these make another: its symmetry is gone.
CUTS = {
    "cut on two sides": lambda image: encode(image.crop((5, 5, 256, 256)), "jpeg", quality=90),
    "cut around": lambda image: encode(image.crop((3, 3, 253, 253)), "png"),
}


@pytest.mark.parametrize(("draw", "copies"), [(drawing, COPIES), (scene, COPIES | CUTS)])
def test_copies_are_found_and_nothing_else(draw, copies):
    def prepared(images: list[bytes]) -> np.ndarray:
        return fingerprints(np.stack([prepare(image, LIMITS).small for image in images]))

    originals = [draw(seed) for seed in range(12)]
    kept = prepared([encode(image, "png") for image in originals])
    for name, copy in copies.items():
        found = find(prepared([copy(image) for image in originals]), kept, 8)
        assert found.index_a.tolist() == found.index_b.tolist() == list(range(12)), name
    assert pairs(kept[:6], kept[6:], 8) == []
