"""The catalogue's index: exact search, the graph of usearch, and faiss, on the same vectors.

    .venv/bin/python -m benchmarks.catalogue_index

Images lie in clusters on the unit sphere. The queries are like texts: each near one image, but
moved by noise and by one direction that all texts share (the modality gap), so that they lie where
no image is. faiss and ours take turns, and the median ratio of neighbouring rounds counts.
"""

import statistics
import time
from collections.abc import Callable

import faiss
import numpy as np

from benchmarks import machine
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from components.catalogue_index.recall import recall

VECTORS, DIM, QUERIES, CLUSTERS = 100_000, 256, 1_000, 2_000
ROUNDS = 7
SPREAD, NOISE, GAP = 0.7, 0.8, 0.7  # lengths, where an image's centre has length 1


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def make(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images [VECTORS, DIM] and text-like queries [QUERIES, DIM]."""
    rng = np.random.default_rng(seed)

    def directions(rows: int) -> np.ndarray:
        return unit(rng.standard_normal((rows, DIM), np.float32))

    centres = directions(CLUSTERS)[rng.integers(0, CLUSTERS, VECTORS)]
    images = unit(centres + SPREAD * directions(VECTORS))
    meant = images[rng.integers(0, VECTORS, QUERIES)]
    return images, unit(meant + NOISE * directions(QUERIES) + GAP * directions(1))


def seconds(work: Callable[..., object], *given: object) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work(*given)
    return time.perf_counter() - started


def against_faiss(
    ours: CatalogueIndex, theirs: faiss.IndexFlatIP, queries: np.ndarray, k: int
) -> None:
    """Print the exact search of both for some queries."""
    ours.positions(queries, k)
    theirs.search(queries, k)
    rounds = [
        (seconds(ours.positions, queries, k), seconds(theirs.search, queries, k))
        for _ in range(ROUNDS)
    ]
    mine, faiss_took = (statistics.median(each) for each in zip(*rounds, strict=True))
    ratio = statistics.median(a / b for a, b in rounds)
    print(
        f"exact, {len(queries):5,} queries, k {k:3}: {len(queries) / mine:8,.0f} queries/s, "
        f"faiss {len(queries) / faiss_took:8,.0f}, time {ratio:.2f} of faiss (aim 1.0)"
    )


def main() -> None:
    """Print build times, speeds, recall and the ratio to faiss."""
    print(f"{machine.describe()}; {VECTORS:,} vectors of {DIM} values")
    images, queries = make()
    keys = [f"{n:06d}" for n in range(VECTORS)]
    built: dict[str, CatalogueIndex] = {}
    for config in (IndexConfig(kind="exact"), IndexConfig(kind="usearch")):
        kind = config.kind
        started = time.perf_counter()
        built[kind] = CatalogueIndex.build(keys, images, config)
        took = time.perf_counter() - started
        index = built[kind]
        per_second = QUERIES / seconds(index.positions, queries, 10)
        found = recall(index, images, queries, 10)
        print(
            f"{kind:7} built in {took:5.1f} s, {per_second:7,.0f} queries/s, recall@10 {found:.4f}"
        )
    flat = faiss.IndexFlatIP(DIM)
    flat.add(images)
    same = np.mean(built["exact"].positions(queries, 10)[0] == flat.search(queries, 10)[1])
    print(f"exact answers that are faiss's, place by place: {same:.4f}")
    for k in (10, 100):
        for asked in (QUERIES, 16, 1):
            against_faiss(built["exact"], flat, queries[:asked], k)


if __name__ == "__main__":
    main()
