"""Ranks in blocks against a slow reference over the full matrix, and the memory they take."""

import tracemalloc

import numpy as np
import pytest

from components.evaluator.ranking import blocks, rank_counts
from components.evaluator.ranking.ranking import rank
from tests.support.ranking import (
    assert_same,
    coarse_data,
    embedded,
    noisy_data,
    own_captions,
    reference,
)


@pytest.mark.parametrize("block", [(50, 3), (7, 300), (900, 11), (256, 299), (1024, 1280)])
@pytest.mark.parametrize("few", [0.0, blocks.FEW, 1.0])
def test_every_block_size_and_way_of_counting_equals_the_full_matrix(block, few, monkeypatch):
    monkeypatch.setattr(blocks, "TEXTS_AT_ONCE", block[0])
    monkeypatch.setattr(blocks, "IMAGES_AT_ONCE", block[1])
    monkeypatch.setattr(blocks, "FEW", few)
    data = coarse_data()
    expected = reference(data, data.images @ data.texts.T)
    assert np.isnan(expected[0].best).any()
    assert (expected[0].best % 1 == 0.5).any()
    assert_same(rank(data), expected)


@pytest.mark.parametrize("few", [0.0, blocks.FEW, 1.0])
def test_many_images_of_a_few_classes_equal_the_full_matrix(few, monkeypatch):
    monkeypatch.setattr(blocks, "TEXTS_AT_ONCE", 70)
    monkeypatch.setattr(blocks, "FEW", few)
    rng = np.random.default_rng(4)
    named = rng.integers(0, 8, 200)
    vectors = rng.integers(-3, 4, (8, 5))
    data = embedded(
        [f"k{n:03d}" for n in range(200)],
        [f"class {n}" for n in named],
        vectors[named] + rng.integers(-3, 4, (200, 5)),
        vectors[named],
        np.arange(200),
    )
    assert len(data.texts) == 8
    assert np.bincount(named).min() > rank_counts.MANY  # so that the scores of all texts are sorted
    assert_same(rank(data), reference(data, data.images @ data.texts.T))


@pytest.mark.parametrize("signal", [0.0, 0.3, 1.0])
def test_1000_images_and_5000_captions_equal_the_full_matrix(signal):
    data = noisy_data(signal)
    assert len(data.images) > blocks.IMAGES_AT_ONCE / 2
    assert len(data.texts) > 4 * blocks.TEXTS_AT_ONCE
    scores = data.images.astype(np.float64) @ data.texts.T.astype(np.float64)
    assert_same(rank(data), reference(data, scores))


@pytest.mark.parametrize("scale", [1.0, 1e3])
@pytest.mark.parametrize("block", [(1, 64), (3, 1), (40, 37), (1024, 1280)])
def test_equal_candidates_tie_whatever_the_block(block, scale, monkeypatch):
    # Products of 1 x 64, 3 x 1 or 40 x 37 rows go through different kernels of a BLAS, and sum in
    # a different order: in float32 the twins would not always tie, nor near ones keep their order.
    monkeypatch.setattr(blocks, "TEXTS_AT_ONCE", block[0])
    monkeypatch.setattr(blocks, "IMAGES_AT_ONCE", block[1])
    rng = np.random.default_rng(2)
    unique = rng.normal(size=(30, 200)).astype(np.float32) * np.float32(scale)
    unique[15:] = unique[:15] * (1 + rng.choice([-1, 1], (15, 200)) * np.float32(2e-7))
    image, text = rng.integers(0, 30, 60), rng.integers(0, 30, 90)
    data = own_captions(unique[image], unique[text], np.sort(rng.integers(0, 60, 90)))
    exact = unique.astype(np.float64) @ unique.T.astype(np.float64)
    exact = np.minimum(exact, exact.T)  # the same both ways
    expected = reference(data, exact[image][:, text])
    assert (expected[1].best % 1 == 0.5).any()
    assert_same(rank(data), expected)


@pytest.mark.parametrize("signal", [0.0, 0.5])
def test_the_best_ranks_alone_are_the_same(signal):
    data = noisy_data(signal, 600, 1500)
    for mine, theirs in zip(rank(data, best_only=True), rank(data), strict=True):
        np.testing.assert_array_equal(mine.best, theirs.best)
        several = np.isnan(mine.average_precision)
        np.testing.assert_array_equal(
            mine.average_precision[~several], theirs.average_precision[~several]
        )
    # A caption has one image; an image with several captions has an average precision only when
    # all of them are ranked.
    images, texts = rank(data, best_only=True)
    np.testing.assert_array_equal(np.isnan(images.average_precision), np.bincount(data.owner) > 1)
    assert not np.isnan(texts.average_precision).any()


def peak_bytes(images: int, captions: int) -> int:
    data = noisy_data(1.0, images, captions, width=16)
    tracemalloc.start()
    try:
        rank(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_captions_times_images(monkeypatch):
    monkeypatch.setattr(blocks, "TEXTS_AT_ONCE", 128)
    monkeypatch.setattr(blocks, "IMAGES_AT_ONCE", 160)
    peak_bytes(100, 200)  # what is loaded once
    small, large = peak_bytes(500, 1500), peak_bytes(2000, 6000)
    # The matrix grows 16 times, from 3 MB of float32 to 48 MB. What is kept for each caption and
    # image grows four times, the blocks not at all.
    assert large < 4.1 * small
    assert large < 48e6 / 15
