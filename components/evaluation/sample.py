"""Embeddings of a split, small enough to keep: exact sums of all of them, and a sample.

Both merge in any order to the same bits, so a result never depends on how Beam bundles records:
the sums are kept in fixed point, and the sample is the records whose keys have the least hashes.
"""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

SAMPLE_SIZE = 2048  # records; 2 x 2,048 x 512 float32 are 8 MiB a model, distances 16 MiB
FIXED_POINT = 2.0**32  # of a coordinate in [-1, 1]: exact to 1e-10, room for 2^31 vectors


@dataclasses.dataclass(frozen=True)
class Space:
    """What one model makes of the records, on the unit sphere.

    Attributes:
        images: of the sampled records, float32 [k, d].
        texts: the sum of each sampled record's captions, float32 [k, d].
        first_texts: the first caption of each sampled record, float32 [k, d].
        image_sum: of all images, fixed point, int64 [d].
        text_sum: of all captions, fixed point, int64 [d].
    """

    images: np.ndarray
    texts: np.ndarray
    first_texts: np.ndarray
    image_sum: np.ndarray
    text_sum: np.ndarray


@dataclasses.dataclass(frozen=True)
class Sample:
    """The sampled records in the order of their hashes.

    Attributes:
        hashes: of the keys, uint64 [k].
        captions: how many each record has, int [k].
        spaces: one a model.
    """

    hashes: np.ndarray
    captions: np.ndarray
    spaces: tuple[Space, ...]

    @classmethod
    def of_record(cls, key: str, embeddings: Sequence[tuple[np.ndarray, np.ndarray]]) -> "Sample":
        """One record; of each model its image [d] and its captions [c, d], c > 0."""
        return cls(
            np.array([hash_of(key)], np.uint64),
            np.array([len(embeddings[0][1])]),
            tuple(_space(unit(image[None]), unit(texts)) for image, texts in embeddings),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Sample"]) -> "Sample":
        """Join samples of disjoint records; the least hashes stay."""
        hashes = np.concatenate([part.hashes for part in parts])
        kept = np.argsort(hashes, kind="stable")[:SAMPLE_SIZE]

        def joined(name: str, spaces: Sequence[Space]) -> np.ndarray:
            return np.concatenate([getattr(space, name) for space in spaces])[kept]

        return cls(
            hashes[kept],
            np.concatenate([part.captions for part in parts])[kept],
            tuple(
                Space(
                    joined("images", spaces),
                    joined("texts", spaces),
                    joined("first_texts", spaces),
                    np.sum([space.image_sum for space in spaces], axis=0),
                    np.sum([space.text_sum for space in spaces], axis=0),
                )
                for spaces in zip(*(part.spaces for part in parts), strict=True)
            ),
        )


def _space(image: np.ndarray, texts: np.ndarray) -> Space:
    return Space(
        image,
        texts.sum(0, keepdims=True),
        texts[:1],
        np.rint(image[0] * FIXED_POINT).astype(np.int64),
        np.rint(texts.astype(np.float64) * FIXED_POINT).astype(np.int64).sum(0),
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros stays. float32 [n, d]."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def hash_of(key: str) -> int:
    """64 bits that look random and are the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
