"""Embeddings to rank, and the definition of a rank over the full matrix, for several tests."""

import dataclasses

import numpy as np

from components.evaluator.ranking.embedded import Embedded, first_occurrences
from components.evaluator.ranking.ranking import Ranks
from trainer.preprocessing.captions import text_ids


def embedded(keys, captions, images, texts, owner, is_match=None) -> Embedded:
    """Records with a row of `texts` for each caption; of captions that say the same, the first."""
    ids = text_ids(captions)
    first, text = first_occurrences(ids)
    return Embedded(
        keys,
        np.asarray(images, np.float32),
        np.asarray(texts, np.float32)[first],
        ids[first],
        text,
        np.asarray(owner),
        np.ones(len(owner), bool) if is_match is None else np.asarray(is_match),
    )


def own_captions(images, texts, owner) -> Embedded:
    """Records whose captions all differ."""
    keys = [f"k{n:06d}" for n in range(len(images))]
    return embedded(keys, [f"caption {n}" for n in range(len(texts))], images, texts, owner)


def reference(data: Embedded, scores: np.ndarray) -> tuple[Ranks, Ranks]:
    """The definition, query by query, over the full matrix [n, u] of all scores."""
    matching = np.zeros(scores.shape, bool)
    for image, text, is_match in zip(data.owner, data.text, data.is_match, strict=True):
        matching[image, text] |= is_match
    for image, text, is_match in zip(data.owner, data.text, data.is_match, strict=True):
        matching[image, text] &= is_match

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
        return Ranks(best, precision, match.sum(axis=1))

    return ranks_of(scores, matching), ranks_of(scores.T, matching.T)


def assert_same(found: tuple[Ranks, Ranks], expected: tuple[Ranks, Ranks]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine.best, theirs.best)
        np.testing.assert_allclose(mine.average_precision, theirs.average_precision, rtol=1e-12)
        np.testing.assert_array_equal(mine.matches, theirs.matches)


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


def part(data: Embedded, first: int, last: int) -> Embedded:
    """Records first to last - 1, with the texts that they say in the order in which they do."""
    captions = slice(*np.searchsorted(data.owner, [first, last]))
    said, text = first_occurrences(data.text[captions])
    texts = data.text[captions][said]
    return dataclasses.replace(
        data,
        keys=data.keys[first:last],
        images=data.images[first:last],
        texts=data.texts[texts],
        ids=data.ids[texts],
        text=text,
        owner=data.owner[captions] - first,
        is_match=data.is_match[captions],
    )
