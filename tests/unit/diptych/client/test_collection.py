"""Searches that are limited to images with some attributes, against a full sort."""

import numpy as np
import pytest

from diptych.client import collection
from diptych.client.collection import AttributeTable, checked_query, search_among
from schema.errors import InputError
from tests.support.catalogue_index import full_sort

RNG = np.random.default_rng(0)
VECTORS = RNG.integers(-3, 4, (500, 6)).astype(np.float32)  # with many ties


@pytest.mark.parametrize("at_once", [7, 64, 2**16])
@pytest.mark.parametrize("k", [1, 10, 400])
def test_a_search_among_some_is_that_of_a_full_sort(at_once, k, monkeypatch):
    monkeypatch.setattr(collection, "_ROWS_AT_ONCE", at_once)
    query = RNG.integers(-3, 4, (1, 6)).astype(np.float32)
    among = np.flatnonzero(RNG.random(500) < 0.6)
    places, scores = full_sort(query, VECTORS[among], k)
    found, similarities = search_among(query, VECTORS, among, k)
    np.testing.assert_array_equal(found, among[places[0]])
    np.testing.assert_array_equal(similarities, scores[0])


def test_a_search_among_none_finds_nothing():
    found, scores = search_among(VECTORS[:1], VECTORS, np.zeros(0, np.int64), 3)
    assert (found.shape, scores.shape) == ((0,), (0,))


def test_the_images_with_all_of_some_attributes():
    table = AttributeTable(
        [{"a": "x", "b": "1"}, {"a": "y"}, {"a": "x", "b": "2"}, {}, {"a": "x", "b": "1"}]
    )
    assert table.positions({"a": "x"}).tolist() == [0, 2, 4]
    assert table.positions({"a": "x", "b": "1"}).tolist() == [0, 4]
    assert table.positions({"a": "y", "b": "1"}).tolist() == []
    assert table.positions({"c": "1"}).tolist() == []
    assert table.counts() == {"a": {"x": 3, "y": 1}, "b": {"1": 2, "2": 1}}


@pytest.mark.parametrize(
    ("query", "k", "sentence"),
    [
        (np.zeros(4), 5, "the query has the shape [4], this index takes [3]"),
        (np.zeros((1, 3)), 5, "the query has the shape [1, 3], this index takes [3]"),
        ([0, np.nan, 0], 5, "the query holds a value that is not finite"),
        (["a", "b", "c"], 5, "a query must be an array of numbers"),
        (np.zeros(3), 0, "k = 0 must be at least 1"),
    ],
)
def test_a_query_that_cannot_be_used_is_a_sentence(query, k, sentence):
    with pytest.raises(InputError) as caught:
        checked_query(query, 3, k)
    assert str(caught.value) == sentence
