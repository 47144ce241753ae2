"""Classes embedded by hand, and images that choose among them."""

import numpy as np
import pytest

from components.evaluator.metrics.zero_shot import Classes, class_ranks, embed_classes

VECTORS = {
    "a cat": [2.0, 0.0],
    "photo of a cat": [0.0, 5.0],
    "a dog": [-1.0, 0.0],
    "photo of a dog": [-3.0, 0.0],
}


def test_a_class_is_the_normalised_mean_of_its_normalised_templates():
    asked: list[str] = []

    def embed(texts):
        asked.extend(texts)
        return np.array([VECTORS[text] for text in texts], np.float32)

    found = embed_classes(["dog", "cat"], ["a {}", "photo of a {}"], embed)
    assert found.names == ("cat", "dog")
    assert sorted(asked) == sorted(VECTORS)  # each text once
    # cat: (1, 0) and (0, 1), whatever their lengths were; the mean points to 45 degrees.
    np.testing.assert_allclose(found.embeddings, [[0.5**0.5, 0.5**0.5], [-1, 0]], atol=1e-6)


def test_braces_of_a_name_are_no_place():
    asked: list[str] = []

    def embed(texts):
        asked.extend(texts)
        return np.ones((len(texts), 2), np.float32)

    embed_classes(["{} x"], ["the {} of {0}"], embed)
    assert asked == ["the {} x of {0}"]


def test_without_classes_no_model_is_asked():
    found = embed_classes([], ["{}"], lambda texts: pytest.fail("asked"))
    assert np.isnan(class_ranks(np.ones((2, 3)), [None, None], found)).all()


def test_ranks_of_classes_by_hand():
    classes = Classes(("a", "b", "c", "d"), np.eye(4, dtype=np.float32))
    images = np.array(
        [
            [9, 5, 1, 0],  # a first
            [9, 5, 1, 0],  # c third
            [0.5, 0.5, 0.5, 0.9],  # b: d is better, two others tied: 1 + 1 + 2 / 2
            [1, 0, 0, 0],  # none
            [1, 0, 0, 0],  # not among the classes
        ],
        np.float32,
    )
    ranks = class_ranks(images, ["a", "c", "b", None, "e"], classes)
    np.testing.assert_array_equal(ranks, [1, 3, 3, np.nan, np.nan])


def test_a_model_that_answers_the_same_to_everything_is_right_by_chance_at_best():
    classes = Classes(tuple("abcdefghi"), np.ones((9, 2), np.float32))
    assert class_ranks(np.ones((1, 2), np.float32), ["a"], classes).tolist() == [5]
