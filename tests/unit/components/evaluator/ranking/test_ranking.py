"""Ranks of matrices a person can check by eye."""

import numpy as np
import pytest

from components.evaluator.ranking.embedded import Embedded
from components.evaluator.ranking.ranking import rank
from schema.errors import InputError
from tests.support.ranking import coarse_data, embedded, own_captions, part


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
    # The first two images carry the same words: one query, one candidate.
    data = embedded(
        ["a", "b", "c", "d"],
        ["same", "same", "c", "d"],
        np.eye(4),
        [[0.5, 0.5, 0.5, 0.9], [0.5, 0.5, 0.5, 0.9], [0, 0, 1, 0], [0, 0, 0, 1]],
        [0, 1, 2, 3],
    )
    _, text_ranks = rank(data)
    # One better, one tied: 1 + 1 + 1/2; the second match 2 + 1 + 1/2.
    assert text_ranks.best.tolist() == [2.5, 1, 1]
    assert text_ranks.average_precision[0] == pytest.approx((1 / 2.5 + 2 / 3.5) / 2)


def test_a_model_that_answers_the_same_to_everything_lands_in_the_middle():
    same = np.full((101, 7), 0.3)  # 0.3 is no float32
    for ranks in rank(own_captions(same, same, np.arange(101))):
        assert set(ranks.best) == {51.0}  # 100 others tied: 1 + 100 / 2


@pytest.mark.parametrize("length", [0.0, 1e-30])
def test_a_model_that_answers_nothing_lands_in_the_middle_too(length):
    for ranks in rank(own_captions(np.zeros((101, 7)), np.full((101, 7), length), np.arange(101))):
        assert set(ranks.best) == {51.0}


def test_a_text_of_several_images_is_one_query_and_one_candidate():
    # Images on the axes; captions: a (image x), b (image x), B (image y, the same words as b).
    data = embedded(
        ["x", "y", "z"],
        ["a", "red  cat", "Red cat", "c"],
        np.eye(3),
        [[0.1, 0.9, 0.5], [0.8, 0.3, 0.9], [0.8, 0.3, 0.9], [0.0, 0.7, 1.0]],
        [0, 0, 1, 2],
    )
    assert len(data.texts) == 3
    image_ranks, text_ranks = rank(data)
    # Image x scores the texts 0.1, 0.8, 0.0: its 'red cat' is first. Image y scores 0.9, 0.3, 0.7:
    # 'red cat' is third. Image z scores 0.5, 0.9, 1.0: 'c' is first.
    assert image_ranks.best.tolist() == [1, 3, 1]
    # 'a' scores the images 0.1, 0.9, 0.5: x is third. 'red cat' scores 0.8, 0.3, 0.9: behind z, x
    # is second. 'c' finds z first.
    assert text_ranks.best.tolist() == [3, 2, 1]
    # 'red cat' has x at place 2 and y at place 3: (1/2 + 2/3) / 2.
    assert text_ranks.average_precision[1] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert image_ranks.matches.tolist() == [2, 1, 1]
    assert text_ranks.matches.tolist() == [1, 2, 1]


def test_copies_of_one_wrong_text_fill_one_place():
    # Eleven images say 'dog' and score 0.9 with it; the twelfth says 'cat' and scores 0.5 with it
    # and 0.9 with 'dog'. Of the two texts its own is the second, not the twelfth.
    data = embedded(
        [f"k{n:02d}" for n in range(12)],
        ["dog"] * 11 + ["cat"],
        [[1.0]] * 12,
        [[0.9]] * 11 + [[0.5]],
        range(12),
    )
    image_ranks, text_ranks = rank(data)
    assert image_ranks.best.tolist() == [1] * 11 + [2]
    # Each text scores all images alike. 'dog': one other image is tied, 1 + 1/2; 'cat': eleven are.
    assert text_ranks.best.tolist() == [1.5, 1 + 11 / 2]


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


def test_a_text_may_match_one_image_and_be_the_mismatch_of_another():
    # x and y say 'cat', y calls it a mismatch; z says 'dog', and 'cat' in two ways with two labels.
    data = embedded(
        ["x", "y", "z"],
        ["cat", "cat", "dog", "cat", "CAT"],
        np.eye(3),
        [[0.5, 0.6, 0.7]] * 2 + [[0.1, 0.2, 0.3]] + [[0.5, 0.6, 0.7]] * 2,
        [0, 1, 2, 2, 2],
        [True, False, True, True, False],
    )
    image_ranks, text_ranks = rank(data)
    # 'cat' matches x alone: as in training, a mismatch of z is none of its matches. y and z score
    # more. 'dog' finds z first.
    assert text_ranks.best.tolist() == [3, 1]
    assert text_ranks.matches.tolist() == [1, 1]
    # x: 'cat' 0.5 before 'dog' 0.1. z: 'cat' 0.7 before its 'dog' 0.3. y has no match.
    np.testing.assert_array_equal(image_ranks.best, [1, np.nan, 2])


def test_an_image_with_mismatches_only_asks_nothing():
    for ranks in rank(embedded(["x"], ["wrong"], [[1.0]], [[1.0]], [0], [False])):
        np.testing.assert_array_equal(ranks.best, [np.nan])
        np.testing.assert_array_equal(ranks.average_precision, [np.nan])


def test_an_embedding_that_is_not_finite_is_refused_by_its_record():
    with pytest.raises(InputError, match=r"^record 'y': its text embedding has no finite length$"):
        rank(embedded(["x", "y"], ["a", "b"], np.eye(2), [[1, 0], [0, np.nan]], [0, 1]))
    with pytest.raises(InputError, match=r"^record 'x': its image embedding has no finite length$"):
        rank(embedded(["x", "y"], ["a", "b"], [[np.inf, 0], [0, 1]], np.eye(2), [0, 1]))


def test_parts_join_in_the_order_of_their_keys():
    data = coarse_data()
    first, second = part(data, 0, 120), part(data, 120, 300)
    assert len(first.texts) + len(second.texts) > len(data.texts)  # some are in both
    joined = Embedded.concatenate([second, first])
    for name in ("keys", "ids", "text", "images", "texts", "owner", "is_match"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(data, name))
