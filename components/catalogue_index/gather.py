"""Gather the files that Beam wrote into one catalogue in the order of its keys."""

from pathlib import Path

import numpy as np

from components.catalogue_index.embed import CAPTIONS, IMAGES, read_batches
from schema.errors import InputError


def catalogue(embedded: str, scratch: Path) -> tuple[list[str], np.ndarray]:
    """Return the catalogue, whatever order Beam wrote it in.

    Args:
        embedded: folder of what `embed.write_embeddings` wrote.
        scratch: folder on this machine for a file as large as the vectors, which are put into
            their places there: only the keys are held in memory.

    Returns:
        Keys in ascending order of their characters [n], and vectors float32 [n, d] that stay in
        their file.

    Raises:
        InputError: no images at all.
    """
    keys, dim = [], 0
    for some, vectors in read_batches(embedded, IMAGES):
        keys += some
        dim = vectors.shape[1]
    if not keys:
        raise InputError("the split of the catalogue holds no record")
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ordered = [keys[n] for n in order]
    places = np.empty(len(keys), np.int64)
    places[order] = np.arange(len(keys))
    gathered = np.lib.format.open_memmap(
        scratch / "gathered.npy", "w+", np.float32, (len(keys), dim)
    )
    start = 0
    for some, vectors in read_batches(embedded, IMAGES):
        gathered[places[start : start + len(some)]] = vectors
        start += len(some)
    return ordered, gathered.view(np.ndarray)


def captions(embedded: str) -> np.ndarray:
    """Return the embeddings of the sampled captions, float32 [q, d].

    Raises:
        InputError: the split has no caption.
    """
    [(keys, vectors)] = read_batches(embedded, CAPTIONS)
    if not keys:
        raise InputError("the split of the catalogue has no caption to search it with")
    return vectors
