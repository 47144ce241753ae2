"""Recall on the sample that is looked at while training, by hand."""

import numpy as np
import pytest

from tests.support.training import CAPTIONS, SIZE, SPEC, TOKENS, config, write_records
from trainer.training.data import retrieval_sample as sample
from trainer.training.data.retrieval_sample import Sample, recall


def of(owner: list[int], ids: list[int]) -> Sample:
    return Sample(np.zeros(max(owner) + 1), np.zeros(0), np.array(owner), np.array(ids))


def recalls(told: Sample, images: np.ndarray, texts: np.ndarray, k: int) -> tuple[float, float]:
    to_image, to_text = told.ranks(images, texts)
    return recall(to_image, k), recall(to_text, k)


# Three images along the axes; the fourth caption is one more of image 0.
IMAGES = np.eye(3)


def test_recalls_by_hand():
    texts = np.array([[3.0, 2, 1], [3, 2, 1], [3, 2, 1], [1, 3, 2]])
    found = recalls(of([0, 1, 2, 0], [10, 11, 12, 13]), IMAGES, texts, 1)
    # Places of the right image: 1, 2, 3 and 3. An image's best own caption among the four: image 0
    # has 3, which texts 1 and 2 tie: 1 + 2 halves = 2; image 1 has 2, below 3 of text 3 and beside
    # 2 of texts 0 and 2: 1 + 1 + 1 = 3; image 2 has 1, below 2, beside 1 and 1: 1 + 1 + 1 = 3.
    assert found == (0.25, 0.0)
    assert recalls(of([0, 1, 2, 0], [10, 11, 12, 13]), IMAGES, texts, 2) == (0.5, 1 / 3)
    assert recalls(of([0, 1, 2, 0], [10, 11, 12, 13]), IMAGES, texts, 3) == (1.0, 1.0)


def test_a_text_of_two_images_is_one_query_and_one_candidate():
    texts = np.array([[1.0, 2, 3], [1, 2, 3], [0, 0, 1]])
    # Images 0 and 1 say the same: image 1 is its second place, and the third text finds image 2.
    # For images 0 and 1 their text is first (1 and 2 against 0); for image 2 it scores 3, and its
    # own text 1 is second of two. With two copies of it, it would be third.
    assert recalls(of([0, 1, 2], [7, 7, 9]), IMAGES, texts, 1) == (0.5, pytest.approx(2 / 3))
    assert recalls(of([0, 1, 2], [7, 7, 9]), IMAGES, texts, 2) == (1.0, 1.0)
    # As three texts: the first has place 3, the second 2, the third 1.
    assert recalls(of([0, 1, 2], [7, 8, 9]), IMAGES, texts, 2) == (pytest.approx(2 / 3), 2 / 3)


def test_the_chance_of_distinct_texts():
    # Of four images two carry text 7, one text 8: 2/4 and 1/4 for the first of them; neither of
    # the first two with (2 * 1) / (4 * 3) = 1/6 and (3 * 2) / (4 * 3) = 1/2.
    sample = of([0, 1, 3], [7, 7, 8])
    assert sample.chance(1) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert sample.chance(2) == pytest.approx(1 - (1 / 6 + 1 / 2) / 2)
    assert sample.chance(10) == 1  # all four


def test_an_image_without_a_matching_caption_asks_nothing():
    # Image 1 has none: of images 0 and 2, both find theirs.
    assert recalls(of([0, 2], [7, 9]), IMAGES, np.array([[1.0, 0, 0], [0, 0, 1]]), 1) == (1, 1)


def test_what_is_no_number_ranks_last():
    """No comparison with nan holds, so it would rank first."""
    texts = np.eye(3)
    nan = np.full_like(texts, np.nan)
    assert recalls(of([0, 1, 2], [7, 8, 9]), IMAGES, texts, 2) == (1, 1)
    assert recalls(of([0, 1, 2], [7, 8, 9]), IMAGES, nan, 2) == (0, 0)
    one = np.array([[np.nan] * 3, [0, 1, 0], [0, 0, 1]])
    assert recalls(of([0, 1, 2], [7, 8, 9]), one, texts, 2) == pytest.approx((2 / 3, 2 / 3))


def test_the_first_images_with_their_captions():
    told = Sample(np.arange(3), np.arange(4)[:, None], np.array([0, 1, 2, 0]), np.arange(4) + 10)
    found = told.first(2)
    assert found.count == 2
    assert found.owner.tolist() == [0, 1, 0]
    assert (found.tokens[:, 0].tolist(), found.caption_ids.tolist()) == ([0, 1, 3], [10, 11, 13])


def test_what_is_all_alike():
    def sample(pixels: list[int], tokens: list[int]) -> Sample:
        return Sample(np.array(pixels), np.array(tokens), np.zeros(0), np.zeros(0))

    assert sample([3, 3], [1, 2]).images_alike
    assert not sample([3, 4], [1, 1]).images_alike
    assert sample([3, 4], [1, 1]).texts_alike
    assert not sample([3, 3], [1, 2]).texts_alike
    one = sample([3], [1])  # which says nothing
    assert not one.images_alike
    assert not one.texts_alike


def test_the_first_records_with_all_their_matching_captions(tmp_path):
    files = write_records(tmp_path, 9)
    found = sample.read_sample(files, SPEC, config())
    assert found is not None
    assert found.pixels.shape == (9, SIZE, SIZE, 3)
    assert found.tokens.shape == (9 * CAPTIONS, TOKENS)
    assert found.owner.tolist() == [n for n in range(9) for _ in range(CAPTIONS)]
    # Records 0, 2, ... 8, then 1, 3, ... 7; record n has the captions 1 + 2n and 2 + 2n.
    order = [*range(0, 9, 2), *range(1, 9, 2)]
    assert found.caption_ids.tolist() == [i for n in order for i in (1 + 2 * n, 2 + 2 * n)]
    assert sample.read_sample([], SPEC, config()) is None
    embedded = found.embed(lambda x: x[:, 0, 0], lambda x: x)
    np.testing.assert_array_equal(embedded[0], found.pixels[:, 0, 0])
    np.testing.assert_array_equal(embedded[1], found.tokens)
