"""Images that may be copies of each other: all pairs are compared, in blocks of bounded memory.

Candidates are guesses from a few frequencies; `pixels` decides.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from components.example_gen.near_duplicates.perceptual_hash import FINGERPRINT, LENGTH
from components.example_gen.records.examined import Stored
from components.example_gen.records.merge import Record

SMALLEST = 64  # pixels: an image with a shorter side is compared pixel by pixel only
# Cosine of the low frequencies of two images that may be copies. Of 99 % of copies, also those that
# lack 5 % of the width and height, it is higher: benchmarks/near_duplicates.py.
CLOSE = 0.8
AT_MOST = 6  # images of train that are compared by their pixels with one other image
SAME_BYTES, SAME_SMALL = 2**30, 2**29  # instead of a cosine: equal files, or equal 32 x 32 pixels
_BLOCK = 2048  # others whose cosines with a batch are in memory at once


@dataclasses.dataclass(frozen=True)
class Compared:
    """What is compared of many images, in the order of their keys; fingerprints are [n]."""

    keys: list[str]
    contents: list[str]
    stored: list[Stored]
    fingerprints: np.ndarray

    @classmethod
    def of(
        cls, records: Iterable[Record], key_of: Callable[[Record], str] = attrgetter("key")
    ) -> "Compared":
        """Collect it from records; the frequencies of images that are too small become zero.

        Args:
            records: to compare.
            key_of: returns the key that a record is known by.
        """
        ordered = sorted(records, key=key_of)
        prints = np.frombuffer(b"".join(each.image.fingerprint for each in ordered), FINGERPRINT)
        prints = prints.copy()
        small = [min(each.image.width, each.image.height) < SMALLEST for each in ordered]
        prints["colours"][np.array(small, bool)] = 0
        contents = [each.image.content for each in ordered]
        return cls(list(map(key_of, ordered)), contents, [each.stored for each in ordered], prints)

    @classmethod
    def joined(cls, several: Sequence["Compared"]) -> "Compared":
        """Join several, in the order of their keys."""
        keys, contents, stored = (
            [value for each in several for value in getattr(each, name)]
            for name in ("keys", "contents", "stored")
        )
        prints = np.concatenate(
            [np.empty(0, FINGERPRINT), *(each.fingerprints for each in several)]
        )
        order = sorted(range(len(keys)), key=keys.__getitem__)
        keys, contents, stored = (
            [values[index] for index in order] for values in (keys, contents, stored)
        )
        return cls(keys, contents, stored, prints[order])


@dataclasses.dataclass(frozen=True, order=True)
class Candidate:
    """An image of train that another image may be a copy of; the smallest is the likeliest.

    `far` is minus the cosine times LENGTH squared, or minus `SAME_BYTES` or `SAME_SMALL`.
    """

    far: int
    key: str
    stored: Stored


def candidates(others: Compared, train: Compared) -> Iterator[tuple[str, list[Candidate]]]:
    """Yield the candidates of each of the others that has some, by its key.

    Blank images are n squared pairs, so that only the `AT_MOST` closest are candidates, of equals
    the first. All is computed in whole numbers: the closest of all batches are the same however
    train is cut into batches.
    """
    alike = _closest(others.fingerprints["colours"], train.fingerprints["colours"])
    same_bytes = _firsts(train.contents)
    same_small = _firsts(train.fingerprints["digest"].tolist())
    digests = others.fingerprints["digest"].tolist()
    for number, (key, content) in enumerate(zip(others.keys, others.contents, strict=True)):
        far = {index: -cosine for index, cosine in alike.get(number, ())}
        far |= dict.fromkeys(same_small.get(digests[number], ()), -SAME_SMALL)
        far |= dict.fromkeys(same_bytes.get(content, ()), -SAME_BYTES)
        if far:
            close_ones = [Candidate(f, train.keys[i], train.stored[i]) for i, f in far.items()]
            yield key, sorted(close_ones)[:AT_MOST]


def _firsts(values: Iterable[Any]) -> dict[Any, list[int]]:
    """Return the indices of each value, at most the first `AT_MOST`."""
    indices: dict[Any, list[int]] = {}
    for index, value in enumerate(values):
        there = indices.setdefault(value, [])
        if len(there) < AT_MOST:
            there.append(index)
    return indices


def _closest(a: np.ndarray, b: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """Return for rows of `a` the indices of up to `AT_MOST` close rows of `b`, and the products."""
    closest: dict[int, list[tuple[int, int]]] = {}
    least = CLOSE * LENGTH * LENGTH
    columns = b.astype(np.float32).T
    for start in range(0, len(a) if len(b) else 0, _BLOCK):
        cosines = a[start : start + _BLOCK].astype(np.float32) @ columns
        rows = np.flatnonzero(cosines.max(1) >= least)
        cosines = cosines[rows]
        for _ in range(min(AT_MOST, len(b))):
            best = cosines.argmax(1)  # the first of several that are as close
            values = np.take_along_axis(cosines, best[:, None], 1)[:, 0]
            for row, index, value in zip(rows, best, values, strict=True):
                if value >= least:
                    closest.setdefault(start + int(row), []).append((int(index), int(value)))
            np.put_along_axis(cosines, best[:, None], -1, 1)
    return closest
