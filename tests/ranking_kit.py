"""Embeddings to rank, and the definition of a rank over the full matrix, for several tests."""

import numpy as np

from components.evaluation.embedded import Embedded
from components.evaluation.ranking import Ranks


def embedded(keys, captions, images, texts, owner, is_match=None) -> Embedded:
    return Embedded(
        keys,
        np.asarray(images, np.float32),
        np.asarray(texts, np.float32),
        captions,
        np.asarray(owner),
        np.ones(len(owner), bool) if is_match is None else np.asarray(is_match),
    )


def own_captions(images, texts, owner) -> Embedded:
    """Records whose captions all differ."""
    keys = [f"k{n:06d}" for n in range(len(images))]
    return embedded(keys, [f"caption {n}" for n in range(len(texts))], images, texts, owner)


def reference(data: Embedded, scores: np.ndarray) -> tuple[Ranks, Ranks]:
    """The definition, query by query, over the full matrix [n, m] of all scores."""
    says: list[set[str]] = [set() for _ in data.keys]
    for text, image in enumerate(data.owner):
        if data.is_match[text]:
            says[image].add(data.captions[text])
    matching = np.array(
        [
            [data.is_match[t] and caption in said for t, caption in enumerate(data.captions)]
            for said in says
        ]
    )

    def ranks_of(table: np.ndarray, match: np.ndarray) -> Ranks:
        best, precision = np.full(len(table), np.nan), np.full(len(table), np.nan)
        for query in np.flatnonzero(match.any(axis=1)):
            mine = -np.sort(-table[query][match[query]])
            others = table[query][~match[query]]
            ranks = [
                i + np.sum(others > score) + np.sum(others == score) / 2
                for i, score in enumerate(mine, start=1)
            ]
            best[query] = ranks[0]
            precision[query] = np.mean([i / rank for i, rank in enumerate(ranks, start=1)])
        return Ranks(best, precision)

    return ranks_of(scores, matching), ranks_of(scores.T, matching.T)


def assert_same(found: tuple[Ranks, Ranks], expected: tuple[Ranks, Ranks]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine.best, theirs.best)
        np.testing.assert_allclose(mine.average_precision, theirs.average_precision, rtol=1e-12)


def coarse_data() -> Embedded:
    """Ties, equal captions, mismatches, images without a match; all scores exact in float32."""
    rng = np.random.default_rng(0)
    images, captions = 300, 900
    owner = np.sort(rng.integers(0, images, captions))
    return embedded(
        [f"k{n:03d}" for n in range(images)],
        [f"caption {n % 700}" for n in range(captions)],
        rng.integers(-2, 3, (images, 6)),
        rng.integers(-2, 3, (captions, 6)),
        owner,
        rng.random(captions) < 0.9,
    )


def noisy_data(signal: float, images=1000, captions=5000, width=64) -> Embedded:
    """Unit vectors; a caption is its image times the signal plus noise of length 1."""
    rng = np.random.default_rng(1)
    owner = np.sort(np.concatenate([np.arange(images), rng.integers(0, images, captions - images)]))
    drawn = rng.normal(size=(images, width)) / np.sqrt(width)
    said = signal * drawn[owner] + rng.normal(size=(captions, width)) / np.sqrt(width)
    return own_captions(
        drawn / np.linalg.norm(drawn, axis=1, keepdims=True),
        said / np.linalg.norm(said, axis=1, keepdims=True),
        owner,
    )


def part(data: Embedded, first: int, last: int, text: int, end: int) -> Embedded:
    """Records first to last - 1, whose captions are text to end - 1."""
    return embedded(
        data.keys[first:last],
        data.captions[text:end],
        data.images[first:last],
        data.texts[text:end],
        data.owner[text:end] - first,
        data.is_match[text:end],
    )
