"""The perceptual hash of an image, and the features that find near duplicates.

Reference: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010,
3.2.1. The bits are those of `imagehash.phash` (https://github.com/JohannesBuchner/imagehash) for
the same 32 x 32 grey image.
"""

import hashlib
from typing import Final

import numpy as np

SIDE: Final = 32  # pixels of the side of the image that is hashed
_LOW: Final = 8  # frequencies kept in each direction: 64 bits
_LOW_COLOUR: Final = 6  # of each colour in each direction, without the mean
COLOURS: Final = (_LOW_COLOUR**2 - 1) * 3

# The lowest frequencies of the colours, as whole numbers of about this length in all: their
# products are exact in float32, whatever the order in which a processor adds them up, since
# 2,000 x 2,000 is far below 2^24.
LENGTH: Final = 2000
FINGERPRINT: Final = np.dtype(
    [("hash", "<u8"), ("digest", "<u8"), ("colours", "<i2", (COLOURS,))], align=False
)
# Levels of 255. An image whose colours vary less (root mean square) shows nothing but noise.
FLAT: Final = 3.0


def _cosines(rows: int) -> np.ndarray:
    """Return the first rows of the DCT-II matrix, [rows, 32]: cos(pi k (2 n + 1) / 2 N)."""
    k, n = np.arange(rows)[:, None], np.arange(SIDE)
    return np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE))


_DCT: Final = _cosines(_LOW)
_SCALES: Final = np.sqrt(np.array([1] + [2] * (_LOW_COLOUR - 1)) / SIDE)
_ORTHOGONAL: Final = _cosines(_LOW_COLOUR) * _SCALES[:, None]
# Weights of red, green and blue in grey, ITU-R BT.601, in 65,536ths, as in Pillow.
_WEIGHTS: Final = np.array([19_595, 38_470, 7_471], np.uint32)


def fingerprints(small: np.ndarray) -> np.ndarray:
    """Compute what `candidates` compares; can be stored by `tobytes` and joined.

    Args:
        small: uint8 [..., 32, 32, 3], as in `prepared.Prepared`.

    Returns:
        `FINGERPRINT` [...].
    """
    result = np.empty(small.shape[:-3], FINGERPRINT)
    result["hash"] = phash(grey(small))
    result["digest"] = _digests(small)
    result["colours"] = colours(small)
    return result


def phash(small_grey: np.ndarray) -> np.ndarray:
    """Compute 64 bits: which of the 8 x 8 lowest frequencies is above their median.

    Args:
        small_grey: uint8 [..., 32, 32].

    Returns:
        uint64 [...]; the first frequency is the highest bit, rows first.
    """
    flat = frequencies(small_grey)
    return _packed(flat > _median(flat))


def frequencies(small_grey: np.ndarray) -> np.ndarray:
    """Compute the lowest frequencies of the DCT-II in both directions, not normalised.

    Formula: F[k, l] = sum over y, x of grey[y, x] cos(pi k (2 y + 1) / 64) cos(pi l (2 x + 1) / 64)

    Args:
        small_grey: uint8 [..., 32, 32].

    Returns:
        float64 [..., 64], rows first.
    """
    low = _DCT @ small_grey.astype(np.float64) @ _DCT.T
    return low.reshape(*low.shape[:-2], _LOW * _LOW)


def grey(small: np.ndarray) -> np.ndarray:
    """Convert uint8 [..., 3] in RGB to uint8 [...], as Pillow does."""
    red, green, blue = (small[..., i] * _WEIGHTS[i] for i in range(3))
    return ((red + green + blue + 32_768) >> 16).astype(np.uint8)


def colours(small: np.ndarray) -> np.ndarray:
    """Compute the direction of the low frequencies of the colours: similar for copies.

    Neither the mean nor the contrast is in it. Zero for a flat image, which is like no other.

    Args:
        small: uint8 [..., 32, 32, 3].

    Returns:
        int16 [..., 105] of length `LENGTH`, or zeros.
    """
    planes = np.moveaxis(small, -1, -3).astype(np.float64)
    low = _ORTHOGONAL @ planes @ _ORTHOGONAL.T
    flat = low.reshape(*low.shape[:-2], _LOW_COLOUR**2)[..., 1:].reshape(*low.shape[:-3], COLOURS)
    length = np.linalg.norm(flat, axis=-1, keepdims=True)
    varied = length > FLAT * np.sqrt(3 * SIDE * SIDE)
    return np.rint(np.where(varied, flat * (LENGTH / np.maximum(length, 1)), 0)).astype(np.int16)


def _digests(small: np.ndarray) -> np.ndarray:
    """Return 64 bits of a digest of each image, uint64 [...]: equal for equal pixels."""
    flat = small.reshape(-1, SIDE * SIDE * 3)
    digests = b"".join(hashlib.blake2b(pixels.tobytes(), digest_size=8).digest() for pixels in flat)
    return np.frombuffer(digests, "<u8").reshape(small.shape[:-3])


def _median(values: np.ndarray) -> np.ndarray:
    """Return the medians of [..., n], n even, as [..., 1]: faster than `np.median` for one."""
    middle = values.shape[-1] // 2
    ordered = np.sort(values, axis=-1)
    return (ordered[..., middle - 1 : middle] + ordered[..., middle : middle + 1]) / 2


def _packed(bits: np.ndarray) -> np.ndarray:
    """Pack bool [..., 64] into uint64 [...], the first bit highest."""
    return np.packbits(bits, axis=-1).view(">u8")[..., 0].astype(np.uint64)
