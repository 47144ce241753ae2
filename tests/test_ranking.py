"""Matrices a person can check by eye, then a slow reference over the full matrix."""

import numpy as np
import pytest

from components.evaluation import ranking
from components.evaluation.ranking import Candidates, Embedded, best_ranks


def test_ranks_by_hand():
    # Similarities are the queries themselves: candidates are the unit vectors.
    queries = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]], np.float32)
    assert best_ranks(queries, np.eye(3, dtype=np.float32), [[0], [1], [2]]).tolist() == [1, 2, 3]


def test_the_best_of_several_matches_counts():
    queries = np.array([[0.1, 0.9, 0.5, 0.2]], np.float32)
    assert best_ranks(queries, np.eye(4, dtype=np.float32), [[0, 2]]).tolist() == [2]


def test_a_tie_counts_half():
    queries = np.array([[0.5, 0.5, 0.5, 0.9]], np.float32)
    eye = np.eye(4, dtype=np.float32)
    # one better, two others tied: 1 + 1 + 2 / 2
    assert best_ranks(queries, eye, [[0]]).tolist() == [3]
    # a tied match is no competitor: 1 + 1 + 1 / 2
    assert best_ranks(queries, eye, [[0, 1]]).tolist() == [2.5]


def test_a_model_that_answers_the_same_to_everything_lands_in_the_middle():
    same = np.ones((101, 4), np.float32)
    # 100 others tied: 1 + 100 / 2
    assert set(best_ranks(same, same, [[n] for n in range(101)])) == {51.0}


def test_a_query_without_match_has_no_rank():
    assert np.isnan(best_ranks(np.ones((1, 2)), np.ones((3, 2)), [[]])).all()


def embedded(keys, captions, images, texts, owner, is_match=None) -> Embedded:
    return Embedded(
        keys,
        np.asarray(images, np.float32),
        np.asarray(texts, np.float32),
        captions,
        np.asarray(owner),
        np.ones(len(owner), bool) if is_match is None else np.asarray(is_match),
    )


def test_captions_count_for_their_image_and_for_every_image_that_says_the_same():
    # Images on the axes; captions: a (image 0), b (image 0), B (image 1, the same words as b).
    data = embedded(
        ["x", "y", "z"],
        ["a", "red  cat", "Red cat", "c"],
        np.eye(3),
        [[0.1, 0.9, 0.5], [0.9, 0.2, 0.1], [0.8, 0.3, 0.9], [0.0, 0.0, 1.0]],
        [0, 0, 1, 2],
    )
    image_ranks, text_ranks = Candidates(data).ranks(data)
    # image x scores the captions 0.1, 0.9, 0.8, 0.0: its own 'red cat' is first.
    # image y scores 0.9, 0.2, 0.3, 0.0: 'Red cat' is second.
    # image z scores 0.5, 0.1, 0.9, 1.0: first.
    assert image_ranks.tolist() == [1, 2, 1]
    # 'a' scores the images 0.1, 0.9, 0.5: image x is third. 'red cat' finds x first.
    # 'Red cat' scores 0.8, 0.3, 0.9: x carries these words too and is second. 'c' is first.
    assert [ranks.tolist() for ranks in text_ranks] == [[3, 1], [2], [1]]


def test_an_explicit_mismatch_is_a_candidate_and_never_a_query():
    data = embedded(
        ["x", "y"],
        ["a", "wrong", "b"],
        np.eye(2),
        [[0.5, 0.1], [0.9, 0.2], [0.1, 0.5]],
        [0, 0, 1],
        [True, False, True],
    )
    image_ranks, text_ranks = Candidates(data).ranks(data)
    assert image_ranks.tolist() == [2, 1]  # 'wrong' scores 0.9 on x and stands before 'a'
    assert [ranks.tolist() for ranks in text_ranks] == [[1], [1]]


def test_an_image_with_mismatches_only_asks_nothing():
    data = embedded(["x"], ["wrong"], [[1.0]], [[1.0]], [0], [False])
    image_ranks, text_ranks = Candidates(data).ranks(data)
    assert np.isnan(image_ranks).all()
    assert [ranks.tolist() for ranks in text_ranks] == [[]]


@pytest.fixture
def random_data() -> Embedded:
    rng = np.random.default_rng(0)
    images, captions = 300, 900
    owner = np.sort(rng.integers(0, images, captions))
    # Coarse values make ties between different candidates likely.
    return embedded(
        [f"k{n:03d}" for n in range(images)],
        [f"caption {n % 700}" for n in range(captions)],
        rng.integers(-2, 3, (images, 6)),
        rng.integers(-2, 3, (captions, 6)),
        owner,
        rng.random(captions) < 0.9,
    )


def slow_ranks(data: Embedded) -> tuple[list[float], dict[int, float]]:
    """The definition, pair by pair, over the full matrix."""
    scores = data.images @ data.texts.T
    matching = [t for t in range(len(data.captions)) if data.is_match[t]]
    says = [
        {data.captions[t] for t in matching if data.owner[t] == i} for i in range(len(data.keys))
    ]

    def rank(row, matches):
        if not matches:
            return np.nan
        best = max(row[m] for m in matches)
        others = [s for c, s in enumerate(row) if c not in matches]
        return 1 + sum(s > best for s in others) + sum(s == best for s in others) / 2

    by_image = [
        rank(scores[i], {t for t in matching if data.captions[t] in said})
        for i, said in enumerate(says)
    ]
    by_text = {
        t: rank(scores[:, t], {i for i, said in enumerate(says) if data.captions[t] in said})
        for t in matching
    }
    return by_image, by_text


def test_blocks_and_batches_equal_the_full_matrix(random_data, monkeypatch):
    by_image, by_text = slow_ranks(random_data)
    monkeypatch.setattr(ranking, "QUERIES_AT_ONCE", 7)  # an uneven last block
    candidates = Candidates(random_data)
    image_ranks, text_ranks = candidates.ranks(random_data)
    np.testing.assert_array_equal(image_ranks, by_image)
    np.testing.assert_array_equal(np.concatenate(text_ranks), list(by_text.values()))


def test_parts_join_in_the_order_of_their_keys(random_data):
    cut = int(np.searchsorted(random_data.owner, 120))
    first = embedded(
        random_data.keys[:120],
        random_data.captions[:cut],
        random_data.images[:120],
        random_data.texts[:cut],
        random_data.owner[:cut],
        random_data.is_match[:cut],
    )
    second = embedded(
        random_data.keys[120:],
        random_data.captions[cut:],
        random_data.images[120:],
        random_data.texts[cut:],
        random_data.owner[cut:] - 120,
        random_data.is_match[cut:],
    )
    joined = Embedded.concatenate([second, first])
    for name in ("keys", "captions", "images", "texts", "owner", "is_match"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(random_data, name))
