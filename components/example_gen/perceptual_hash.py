"""A hash of what an image shows, and a summary of its colours: alike for copies of one image.

Reference: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010,
3.2.1. The bits are those of `imagehash.phash` (https://github.com/JohannesBuchner/imagehash) for
the same 32 x 32 grey image.
"""

from typing import Final

import numpy as np

SIDE: Final = 32  # pixels of the side of what is hashed
_LOW: Final = 8  # frequencies kept in each direction: 64 bits
_GRID: Final = 8  # regions of the colour summary in each direction
COLOURS: Final = _GRID * _GRID * 3

# What is kept of an image: its hash, which bits of that are sure, and its colours.
FINGERPRINT: Final = np.dtype(
    [("hash", "<u8"), ("sure", "<u8"), ("colours", "u1", (COLOURS,))], align=False
)
# A frequency this near to the median may lie on its other side in a copy: its bit is not sure. A
# drawing that is symmetric, or mostly background, has many: of 64 x 64 emoji, JPEG of quality 75
# changes 3 bits of 64 in the mean and 24 at worst, of them almost no sure one. The unit is that of
# `frequencies`, where noise of one grey level has a standard deviation of 16.
SURE_ABOVE: Final = 40.0


def _cosines() -> np.ndarray:
    """The first rows of the DCT-II matrix, [8, 32]: cos(pi k (2 n + 1) / 2 N)."""
    k, n = np.arange(_LOW)[:, None], np.arange(SIDE)
    return np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE))


_DCT: Final = _cosines()
# Of red, green and blue in grey, ITU-R BT.601, in 65,536ths: Pillow's numbers.
_WEIGHTS: Final = np.array([19_595, 38_470, 7_471], np.uint32)


def fingerprints(small: np.ndarray) -> np.ndarray:
    """What `near_duplicates.find` compares; can be stored by `tobytes` and joined.

    An image of one colour has no frequencies but noise, so that hardly a bit of it is sure.

    Args:
        small: uint8 [..., 32, 32, 3], as in `prepared.Prepared`.

    Returns:
        `FINGERPRINT` [...].
    """
    result = np.empty(small.shape[:-3], FINGERPRINT)
    above = frequencies(grey(small))
    above -= _median(above)
    result["hash"] = _packed(above > 0)
    result["sure"] = _packed(np.abs(above) > SURE_ABOVE)
    result["colours"] = colours(small)
    return result


def phash(small_grey: np.ndarray) -> np.ndarray:
    """64 bits: which of the 8 x 8 lowest frequencies is above their median.

    Args:
        small_grey: uint8 [..., 32, 32].

    Returns:
        uint64 [...]; the first frequency is the highest bit, rows first.
    """
    flat = frequencies(small_grey)
    return _packed(flat > _median(flat))


def frequencies(small_grey: np.ndarray) -> np.ndarray:
    """The lowest frequencies of the DCT-II in both directions, not normalised.

    Formula: F[k, l] = sum over y, x of grey[y, x] cos(pi k (2 y + 1) / 64) cos(pi l (2 x + 1) / 64)

    Args:
        small_grey: uint8 [..., 32, 32].

    Returns:
        float64 [..., 64], rows first.
    """
    low = _DCT @ small_grey.astype(np.float64) @ _DCT.T
    return low.reshape(*low.shape[:-2], _LOW * _LOW)


def grey(small: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] in RGB to uint8 [...], as Pillow does."""
    red, green, blue = (small[..., i] * _WEIGHTS[i] for i in range(3))
    return ((red + green + blue + 32_768) >> 16).astype(np.uint8)


def colours(small: np.ndarray) -> np.ndarray:
    """Mean colours of an 8 x 8 grid.

    Args:
        small: uint8 [..., 32, 32, 3].

    Returns:
        uint8 [..., 192].
    """
    side = SIDE // _GRID
    split = small.reshape(*small.shape[:-3], _GRID, side, _GRID, side, 3)
    sums = split.sum(axis=-4, dtype=np.uint16).sum(axis=-2, dtype=np.uint16)
    means = (sums + side * side // 2) // (side * side)
    return means.astype(np.uint8).reshape(*small.shape[:-3], COLOURS)


def _median(values: np.ndarray) -> np.ndarray:
    """Of [..., n] to [..., 1], n even: for one image much faster than `np.median`."""
    middle = values.shape[-1] // 2
    ordered = np.sort(values, axis=-1)
    return (ordered[..., middle - 1 : middle] + ordered[..., middle : middle + 1]) / 2


def _packed(bits: np.ndarray) -> np.ndarray:
    """Bool [..., 64] to uint64 [...], the first bit highest."""
    return np.packbits(bits, axis=-1).view(">u8")[..., 0].astype(np.uint64)
