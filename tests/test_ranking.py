"""Matrices a person can check by eye, then a slow reference over the full matrix."""

import tracemalloc

import numpy as np
import pytest

from components.evaluation import counting, tile, tiles
from components.evaluation.embedded import Embedded
from components.evaluation.ranking import Ranks, rank
from schema.errors import InputError


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


def test_ranks_by_hand():
    # Images on the axes, so a text's vector is its row of scores.
    data = own_captions(np.eye(3), [[0.9, 0.5, 0.1], [0.8, 0.4, 0.2], [0.7, 0.6, 0.3]], [0, 1, 2])
    image_ranks, text_ranks = rank(data)
    # Texts find their own image first, second and third in their rows.
    assert text_ranks.best.tolist() == [1, 2, 3]
    # Images by column: 0.9 of 0.9 0.8 0.7 is first; 0.4 of 0.5 0.4 0.6 is third; 0.3 is first.
    assert image_ranks.best.tolist() == [1, 3, 1]


def test_the_best_of_several_matches_counts_and_all_make_the_average_precision():
    # Image 0 scores its captions 0.6 and 0.2, the others 0.9, 0.5, 0.1.
    texts = [[0.6, 0], [0.2, 0], [0.9, 1], [0.5, 1], [0.1, 1]]
    image_ranks, _ = rank(own_captions(np.eye(2), texts, [0, 0, 1, 1, 1]))
    # Order: 0.9, 0.6 (match), 0.5, 0.2 (match), 0.1. The best match is second;
    # precision is 1/2 at the first match and 2/4 at the second.
    # Image 1 scores its three captions 1 and the others 0: precision 1/1, 2/2, 3/3.
    assert image_ranks.best.tolist() == [2, 1]
    assert image_ranks.average_precision.tolist() == [(1 / 2 + 2 / 4) / 2, 1]


def test_average_precision_differs_from_the_best_rank():
    # Order for image 0: match 0.9, then 0.8 and 0.7 of the other, then its match 0.1.
    texts = [[0.9, 0], [0.1, 0], [0.8, 1], [0.7, 1]]
    image_ranks, _ = rank(own_captions(np.eye(2), texts, [0, 0, 1, 1]))
    assert image_ranks.best.tolist() == [1, 1]
    assert image_ranks.average_precision.tolist() == [(1 / 1 + 2 / 4) / 2, 1]


def test_a_tie_counts_half():
    eye = np.eye(4)
    data = own_captions(eye, [[0.5, 0.5, 0.5, 0.9], *eye[1:]], [0, 1, 2, 3])
    _, text_ranks = rank(data)
    assert text_ranks.best[0] == 3  # one better, two tied: 1 + 1 + 2 / 2
    assert text_ranks.average_precision[0] == 1 / 3


def test_a_tied_match_is_no_competitor():
    # The first two images carry the same words.
    data = embedded(
        ["a", "b", "c", "d"],
        ["same", "same", "c", "d"],
        np.eye(4),
        [[0.5, 0.5, 0.5, 0.9], [0.5, 0.5, 0.5, 0.9], [0, 0, 1, 0], [0, 0, 0, 1]],
        [0, 1, 2, 3],
    )
    _, text_ranks = rank(data)
    # One better, one tied: 1 + 1 + 1/2; the second match 2 + 1 + 1/2.
    assert text_ranks.best[:2].tolist() == [2.5, 2.5]
    assert text_ranks.average_precision[0] == pytest.approx((1 / 2.5 + 2 / 3.5) / 2)


def test_a_model_that_answers_the_same_to_everything_lands_in_the_middle():
    same = np.full((101, 7), 0.3)  # 0.3 is no float32
    for ranks in rank(own_captions(same, same, np.arange(101))):
        assert set(ranks.best) == {51.0}  # 100 others tied: 1 + 100 / 2


@pytest.mark.parametrize("length", [0.0, 1e-30])
def test_a_model_that_answers_nothing_lands_in_the_middle_too(length):
    for ranks in rank(own_captions(np.zeros((101, 7)), np.full((101, 7), length), np.arange(101))):
        assert set(ranks.best) == {51.0}


def test_captions_count_for_their_image_and_for_every_image_that_says_the_same():
    # Images on the axes; captions: a (image 0), b (image 0), B (image 1, the same words as b).
    data = embedded(
        ["x", "y", "z"],
        ["a", "red  cat", "Red cat", "c"],
        np.eye(3),
        [[0.1, 0.9, 0.5], [0.9, 0.2, 0.1], [0.8, 0.3, 0.9], [0.0, 0.0, 1.0]],
        [0, 0, 1, 2],
    )
    image_ranks, text_ranks = rank(data)
    # image x scores the captions 0.1, 0.9, 0.8, 0.0: its own 'red cat' is first.
    # image y scores 0.9, 0.2, 0.3, 0.0: 'Red cat' is second.
    # image z scores 0.5, 0.1, 0.9, 1.0: first.
    assert image_ranks.best.tolist() == [1, 2, 1]
    # 'a' scores the images 0.1, 0.9, 0.5: image x is third. 'red cat' finds x first.
    # 'Red cat' scores 0.8, 0.3, 0.9: x carries these words too and is second. 'c' is first.
    assert text_ranks.best.tolist() == [3, 1, 2, 1]


def test_an_explicit_mismatch_is_a_candidate_and_never_a_query():
    data = embedded(
        ["x", "y"],
        ["a", "wrong", "b"],
        np.eye(2),
        [[0.5, 0.1], [0.9, 0.2], [0.1, 0.5]],
        [0, 0, 1],
        [True, False, True],
    )
    image_ranks, text_ranks = rank(data)
    assert image_ranks.best.tolist() == [2, 1]  # 'wrong' scores 0.9 on x and stands before 'a'
    np.testing.assert_array_equal(text_ranks.best, [1, np.nan, 1])
    np.testing.assert_array_equal(text_ranks.average_precision, [1, np.nan, 1])


def test_an_image_with_mismatches_only_asks_nothing():
    for ranks in rank(embedded(["x"], ["wrong"], [[1.0]], [[1.0]], [0], [False])):
        np.testing.assert_array_equal(ranks.best, [np.nan])
        np.testing.assert_array_equal(ranks.average_precision, [np.nan])


def test_an_embedding_that_is_not_finite_is_refused_by_its_record():
    with pytest.raises(InputError, match=r"^record 'y': its text embedding has no finite length$"):
        rank(embedded(["x", "y"], ["a", "b"], np.eye(2), [[1, 0], [0, np.nan]], [0, 1]))
    with pytest.raises(InputError, match=r"^record 'x': its image embedding has no finite length$"):
        rank(embedded(["x", "y"], ["a", "b"], [[np.inf, 0], [0, 1]], np.eye(2), [0, 1]))


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


@pytest.mark.parametrize("block", [(50, 3), (7, 300), (900, 11), (256, 299), (1024, 1280)])
@pytest.mark.parametrize("few", [0.0, tile.FEW, 1.0])
def test_every_block_size_and_way_of_counting_equals_the_full_matrix(block, few, monkeypatch):
    monkeypatch.setattr(tiles, "TEXTS_AT_ONCE", block[0])
    monkeypatch.setattr(tiles, "IMAGES_AT_ONCE", block[1])
    monkeypatch.setattr(tile, "FEW", few)
    data = coarse_data()
    expected = reference(data, data.images @ data.texts.T)
    assert np.isnan(expected[0].best).any()
    assert (expected[0].best % 1 == 0.5).any()
    assert_same(rank(data), expected)


@pytest.mark.parametrize("few", [0.0, tile.FEW, 1.0])
def test_many_images_of_a_few_classes_equal_the_full_matrix(few, monkeypatch):
    monkeypatch.setattr(tiles, "TEXTS_AT_ONCE", 70)
    monkeypatch.setattr(tile, "FEW", few)
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
    assert np.bincount(named).min() > counting.MANY  # so that the scores of all queries are sorted
    assert_same(rank(data), reference(data, data.images @ data.texts.T))


@pytest.mark.parametrize("signal", [0.0, 0.3, 1.0])
def test_1000_images_and_5000_captions_equal_the_full_matrix(signal):
    data = noisy_data(signal)
    assert len(data.images) > tiles.IMAGES_AT_ONCE / 2
    assert len(data.texts) > 4 * tiles.TEXTS_AT_ONCE
    scores = data.images.astype(np.float64) @ data.texts.T.astype(np.float64)
    assert_same(rank(data), reference(data, scores))


@pytest.mark.parametrize("scale", [1.0, 1e3])
@pytest.mark.parametrize("block", [(1, 64), (3, 1), (40, 37), (1024, 1280)])
def test_equal_candidates_tie_whatever_the_block(block, scale, monkeypatch):
    # Products of 1 x 64, 3 x 1 or 40 x 37 rows go through different kernels of a BLAS, and sum in
    # a different order: in float32 the twins would not always tie, nor near ones keep their order.
    monkeypatch.setattr(tiles, "TEXTS_AT_ONCE", block[0])
    monkeypatch.setattr(tiles, "IMAGES_AT_ONCE", block[1])
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
    monkeypatch.setattr(tiles, "TEXTS_AT_ONCE", 128)
    monkeypatch.setattr(tiles, "IMAGES_AT_ONCE", 160)
    peak_bytes(100, 200)  # what is loaded once
    small, large = peak_bytes(500, 1500), peak_bytes(2000, 6000)
    # The matrix grows 16 times, from 3 MB of float32 to 48 MB. What is kept for each caption and
    # image grows four times, the blocks not at all.
    assert large < 4.1 * small
    assert large < 48e6 / 15


def test_parts_join_in_the_order_of_their_keys():
    data = coarse_data()
    cut = int(np.searchsorted(data.owner, 120))
    first, second = part(data, 0, 120, 0, cut), part(data, 120, 300, cut, 900)
    joined = Embedded.concatenate([second, first])
    for name in ("keys", "captions", "images", "texts", "owner", "is_match"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(data, name))


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
