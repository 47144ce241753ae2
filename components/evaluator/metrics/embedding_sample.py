"""Keep of the embeddings of a split the exact sum of its images, and a sample.

Both merge in any order to the same bits, so a result never depends on how Beam bundles records: the
sum is kept in fixed point, and the sample is the records whose keys have the least hashes, and the
distinct texts that have the least.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from schema.text.stable_hash import hash_of

SAMPLE_SIZE = 2048  # records; 2 x 2,048 x 512 float32 are 8 MiB a model, distances 16 MiB
FIXED_POINT = 2.0**32  # of a coordinate in [-1, 1]: exact to 1e-10, room for 2^31 vectors


@dataclasses.dataclass(frozen=True)
class Space:
    """The embeddings of the records by one model, on the unit sphere.

    Attributes:
        images: of the sampled records, float32 [k, d].
        texts: of the sampled texts, float32 [t, d].
        image_sum: of all images, fixed point, int64 [d].
    """

    images: np.ndarray
    texts: np.ndarray
    image_sum: np.ndarray


@dataclasses.dataclass(frozen=True)
class Sample:
    """The sampled records and the sampled distinct texts, each in the order of their hashes.

    Attributes:
        hashes: of the keys, uint64 [k].
        text_ids: hashes of the texts, each once, uint64 [t].
        carriers: of the records that carry a text, the least hash, uint64 [t]: two batches may
            embed a text with different rounding, and that record's is the one that counts.
        spaces: one a model.
    """

    hashes: np.ndarray
    text_ids: np.ndarray
    carriers: np.ndarray
    spaces: tuple[Space, ...]

    @classmethod
    def of_record(
        cls, key: str, text_ids: np.ndarray, embeddings: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> "Sample":
        """One record with its captions.

        Args:
            key: of the record.
            text_ids: of its captions, uint64 [c].
            embeddings: of each model its image [d] and its captions [c, d], c > 0.
        """
        ids, first = np.unique(text_ids, return_index=True)
        hashes = np.array([hash_of(key)], np.uint64)
        return cls(
            hashes,
            ids,
            np.repeat(hashes, len(ids)),
            tuple(_space(unit(image[None]), unit(texts[first])) for image, texts in embeddings),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Sample"]) -> "Sample":
        """Join samples of disjoint records; the least hashes stay."""
        hashes = np.concatenate([part.hashes for part in parts])
        kept = np.argsort(hashes, kind="stable")[:SAMPLE_SIZE]
        ids = np.concatenate([part.text_ids for part in parts])
        carriers = np.concatenate([part.carriers for part in parts])
        order = np.lexsort((carriers, ids))
        texts = order[np.unique(ids[order], return_index=True)[1][:SAMPLE_SIZE]]
        return cls(
            hashes[kept],
            ids[texts],
            carriers[texts],
            tuple(
                Space(
                    np.concatenate([space.images for space in spaces])[kept],
                    np.concatenate([space.texts for space in spaces])[texts],
                    np.sum([space.image_sum for space in spaces], axis=0),
                )
                for spaces in zip(*(part.spaces for part in parts), strict=True)
            ),
        )


def _space(image: np.ndarray, texts: np.ndarray) -> Space:
    return Space(image, texts, np.rint(image[0] * FIXED_POINT).astype(np.int64))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to length 1; a row of zeros stays. float32 [n, d]."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(lengths > 0, lengths, 1)).astype(np.float32)
