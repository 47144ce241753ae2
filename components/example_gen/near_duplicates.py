"""Images that look alike: every pair is compared, in blocks of bounded memory."""

import dataclasses
from typing import Final

import numpy as np

_BLOCK_A, _BLOCK_B = 16, 8_192  # compared at once: 1 MiB of differences, which stays in the cache
_BLOCK_PAIRS = 16_384  # pairs whose colours are compared at once
# Copies differ in brightness, within this ratio, before their colours are compared.
MAX_GAIN: Final = 1.07
# Largest mean difference of the colours of two copies, of 255. Measured on photos and emoji: JPEG
# of quality 30 to 95, sizes of 50 to 200 % and brightness of 95 to 105 % change them by 5.4 at
# most, a crop of 2 % of a photo by 6.1. Of 1,531 emoji 4 are so near to one of another vendor.
MAX_COLOUR_DIFFERENCE: Final = 6.5


@dataclasses.dataclass(frozen=True)
class Found:
    """Images of `a` that look like one of `b`, in the order of `a`, each with its closest.

    Attributes:
        index_a: int64 [found], ascending, each once.
        index_b: int64 [found]; of several as close the first.
        bits: int64 [found], of 64: how many of the sure bits differ.
    """

    index_a: np.ndarray
    index_b: np.ndarray
    bits: np.ndarray


def find(a: np.ndarray, b: np.ndarray, distance: int) -> Found:
    """Find for each image of `a` the closest of `b` that shows the same.

    Two images show the same if of the bits of their hashes that are sure in both no more than
    `distance` of 64 differ, at least half of either's are sure in both, and their colours agree:
    the hash is of grey values, and cannot tell a red disc from a blue one. Of an image of one
    colour hardly a bit is sure, so that its colours decide.

    Only the closest is told, because n blank images have n^2 pairs.

    Args:
        a: `perceptual_hash.FINGERPRINT` [n].
        b: likewise [m].
        distance: most bits of 64 that may differ.
    """
    first_a, inverse = _distinct(a)
    first_b, _ = _distinct(b)
    closest, bits = _closest(a[first_a], b[first_b], distance)
    found = np.flatnonzero(closest[inverse] >= 0)
    return Found(found, first_b[closest[inverse[found]]], bits[inverse[found]])


def _distinct(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct fingerprint first stands, ascending, and which of them each image has."""
    seen: dict[bytes, int] = {}
    inverse = [seen.setdefault(image.tobytes(), len(seen)) for image in images]
    return np.unique(inverse, return_index=True)[1], np.array(inverse, np.int64)


def _closest(a: np.ndarray, b: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `a` the index in `b`, or -1, and the bits that differ; int64 [n] both."""
    closest = np.full(len(a), -1, np.int64)
    best = np.full(len(a), 65, np.int64)
    for start_b in range(0, len(b), _BLOCK_B):
        block_b = b[start_b : start_b + _BLOCK_B]
        hashes, sure = np.ascontiguousarray(block_b["hash"]), np.ascontiguousarray(block_b["sure"])
        for start_a in range(0, len(a), _BLOCK_A):
            block_a = a[start_a : start_a + _BLOCK_A]
            different = block_a["hash"][:, None] ^ hashes
            different &= block_a["sure"][:, None]
            different &= sure
            near = np.flatnonzero(np.bitwise_count(different).ravel() <= distance)
            for start in range(0, len(near), _BLOCK_PAIRS):
                rows, columns = np.divmod(near[start : start + _BLOCK_PAIRS], len(block_b))
                undecided = best[start_a + rows] > 0  # nothing is closer than no bit
                rows, columns = rows[undecided], columns[undecided]
                bits, same = _compare(block_a[rows], block_b[columns], distance)
                _keep(closest, best, start_a + rows[same], start_b + columns[same], bits[same])
    return closest, best


def _compare(a: np.ndarray, b: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """Bits of 64 that differ, int64 [pairs], and whether the two show the same, bool [pairs]."""
    both = a["sure"] & b["sure"]
    counted = np.bitwise_count(both).astype(np.int64)
    different = np.bitwise_count((a["hash"] ^ b["hash"]) & both).astype(np.int64)
    most = np.maximum(np.bitwise_count(a["sure"]), np.bitwise_count(b["sure"]))
    same = (different * 64 <= distance * counted) & (2 * counted >= most)
    same[same] = _same_colours(a["colours"][same], b["colours"][same])
    return -(-different * 64 // np.maximum(counted, 1)), same


def _same_colours(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    wide_a, wide_b = a.astype(np.float32), b.astype(np.float32)
    gain = (wide_a.sum(-1) + 1) / (wide_b.sum(-1) + 1)
    wide_b *= np.clip(gain, 1 / MAX_GAIN, MAX_GAIN)[:, None]
    return np.abs(wide_a - wide_b).mean(-1) <= MAX_COLOUR_DIFFERENCE


def _keep(
    closest: np.ndarray, best: np.ndarray, a: np.ndarray, b: np.ndarray, bits: np.ndarray
) -> None:
    """Put the closest of these pairs into `closest` and `best`, where it is closer than there."""
    order = np.lexsort((b, bits, a))
    a, b, bits = a[order], b[order], bits[order]
    first = np.ones(len(a), bool)
    first[1:] = a[1:] != a[:-1]
    a, b, bits = a[first], b[first], bits[first]
    better = bits < best[a]
    closest[a[better]], best[a[better]] = b[better], bits[better]
