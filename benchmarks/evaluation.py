"""Exact ranking of 25,010 captions and 5,000 images both ways, beside faiss and the bare product.

`python -m benchmarks.evaluation` prints the machine, the medians of interleaved rounds and their
ratios beside the aims, and how peak memory grows when there are four times as many scores. Ours
gives the rank of every match and the average precision of every query; faiss gives the first ten
of every query; the recall of both must be the same to the last query.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from benchmarks import machine
from components.evaluator.ranking import blocks, threads
from components.evaluator.ranking.embedded import Embedded
from components.evaluator.ranking.ranking import rank
from trainer.preprocessing.captions import text_ids

IMAGES, CAPTIONS, WIDTH = 5_000, 25_010, 512  # the size of the usual caption benchmark
ROUNDS = 9
PAUSE = 0.3  # seconds for the other's waiting threads to go to sleep
OF_FAISS, OF_PRODUCT = 0.67, 1.3  # aims: at most this share of their time
NOISE = 8.0  # length of a caption's noise beside its image of length 1
AT = (1, 5, 10)


def embeddings(images: int, captions: int, width: int = WIDTH, seed: int = 0) -> Embedded:
    """Unit vectors with signal, about five captions an image."""
    rng = np.random.default_rng(seed)
    owner = np.sort(np.resize(np.arange(images), captions))
    drawn = rng.normal(size=(images, width)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    noise = rng.normal(scale=NOISE / np.sqrt(width), size=(captions, width))
    texts = (drawn[owner] + noise).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    return Embedded(
        [f"image-{n:06d}" for n in range(images)],
        drawn,
        texts,
        text_ids([f"a photo of thing number {n}" for n in range(captions)]),
        np.arange(captions),
        owner,
        np.ones(captions, bool),
    )


def ours(data: Embedded, best_only: bool = True) -> dict[str, float]:
    """Recall both ways from the ranks of the best matches."""
    images, texts = rank(data, best_only)
    return {
        f"{way} recall@{k}": float((ranks.best <= k).mean())
        for way, ranks in (("text to image", texts), ("image to text", images))
        for k in AT
    }


def ours_with_precision(data: Embedded) -> dict[str, float]:
    """The same, with the rank of every match and the average precision of every query."""
    return ours(data, best_only=False)


def of_faiss(data: Embedded) -> dict[str, float]:
    """Recall both ways from faiss's first ten of each query."""
    found = {}
    for way, queries, candidates, asks, answers in (
        ("text to image", data.texts, data.images, data.owner, np.arange(len(data.keys))),
        ("image to text", data.images, data.texts, np.arange(len(data.keys)), data.owner),
    ):
        index = faiss.IndexFlatIP(data.images.shape[1])
        index.add(candidates)
        _, first = index.search(queries, max(AT))
        right = answers[first] == asks[:, None]
        for k in AT:
            found[f"{way} recall@{k}"] = float(right[:, :k].any(axis=1).mean())
    return found


def product(data: Embedded) -> None:
    """The same blocks in the same threads, multiplied and dropped."""
    corners = (
        (slice(row, row + blocks.TEXTS_AT_ONCE), slice(column, column + blocks.IMAGES_AT_ONCE))
        for row in range(0, len(data.texts), blocks.TEXTS_AT_ONCE)
        for column in range(0, len(data.images), blocks.IMAGES_AT_ONCE)
    )

    def multiply(corner: tuple[slice, slice]) -> None:
        _ = data.texts[corner[0]] @ data.images[corner[1]].T

    threads.for_each(multiply, corners)


def product_of_blas(data: Embedded) -> None:
    """In rows of the same height, in BLAS's own threads."""
    for row in range(0, len(data.texts), blocks.TEXTS_AT_ONCE):
        _ = data.texts[row : row + blocks.TEXTS_AT_ONCE] @ data.images.T


def seconds(work: Callable[[Embedded], Any], data: Embedded) -> tuple[float, Any]:
    """How long it took, and its result."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    result = work(data)
    return time.perf_counter() - start, result


def peak_megabytes(images: int, captions: int) -> float:
    """The most that ranking holds at a time, beside the embeddings given to it."""
    data = embeddings(images, captions)
    tracemalloc.start()
    rank(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Measure and print."""
    print(machine.describe())
    print(f"{CAPTIONS:,} captions x {IMAGES:,} images x {WIDTH}, float32, both directions")
    data = embeddings(IMAGES, CAPTIONS)
    recall, theirs = ours(data), of_faiss(data)
    assert recall == theirs, (recall, theirs)
    for name, value in recall.items():
        print(f"  {name}: {value:.4f}, faiss's the same")

    works = {
        "ours": ours,
        "ours with average precision": ours_with_precision,
        "faiss": of_faiss,
        "product": product,
        "product, BLAS's threads": product_of_blas,
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            taken[name].append(seconds(work, data)[0])
    for name, times in taken.items():
        print(f"  {name}: {statistics.median(times):.3f} s (best {min(times):.3f})")

    def ratio(one: str, other: str) -> float:
        rounds = zip(taken[one], taken[other], strict=True)
        return statistics.median(mine / theirs for mine, theirs in rounds)

    for one in ("ours", "ours with average precision"):
        print(
            f"{one}: {ratio(one, 'faiss'):.2f} of faiss {faiss.__version__} both ways"
            f" (aim {OF_FAISS}), {ratio(one, 'product'):.2f} of one bare product"
            f" (aim {OF_PRODUCT}), {ratio(one, 'product') / 2:.2f} of two, one a direction"
        )

    small, large = peak_megabytes(IMAGES // 2, CAPTIONS // 2), peak_megabytes(IMAGES, CAPTIONS)
    print(
        f"peak memory beside the embeddings: {small:.0f} MB for {CAPTIONS // 2:,} x {IMAGES // 2:,}"
        f" and {large:.0f} MB for 4 times as many scores"
        f" ({CAPTIONS * IMAGES * 4 / 1e6:.0f} MB as a matrix)"
    )


if __name__ == "__main__":
    main()
