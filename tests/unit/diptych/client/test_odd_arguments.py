"""Arguments that no signature allows, as notebooks give them: a sentence, never a traceback."""

from typing import Any

import numpy as np
import pytest

import diptych
from diptych.client.collection import checked_query
from diptych.client.release import Release
from schema.errors import InputError
from tests.support.client import ColourModel, colour_of, png

PICTURES = [png(colour_of(number)) for number in (7, 99)]
RELEASE = Release(ColourModel(), None)


def sentence(function, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


def test_images_and_texts_may_come_from_a_generator():
    expected = RELEASE.embed_images(PICTURES)
    assert np.array_equal(RELEASE.embed_images(image for image in PICTURES), expected)
    embedded, valid = RELEASE.try_embed_images(iter([*PICTURES, b"x"]))
    assert np.array_equal(embedded[:2], expected)
    assert valid.tolist() == [True, True, False]
    assert "images[1]: " in sentence(RELEASE.embed_images, iter([PICTURES[0], b"x"]))
    texts = RELEASE.embed_texts(["a", "b"])
    assert np.array_equal(RELEASE.embed_texts(text for text in "ab"), texts)
    assert np.array_equal(RELEASE.embed_texts(np.array(["a", "b"])), texts)


@pytest.mark.parametrize("values", [None, 5, np.array(5), np.array("a")])
def test_what_holds_no_values_is_no_list(values):
    for function in (RELEASE.embed_images, RELEASE.try_embed_images):
        assert "images are given as a list" in sentence(function, values)
    assert "texts are given as a list" in sentence(RELEASE.embed_texts, values)


def test_a_single_one_is_no_list():
    assert "write [image]" in sentence(RELEASE.embed_images, "a.png")
    assert "write [text]" in sentence(RELEASE.embed_texts, "a")
    assert "write [text]" in sentence(RELEASE.embed_texts, b"a")


@pytest.mark.parametrize("k", [2.5, "5", None, [1], float("nan"), True])
def test_a_number_of_answers_is_a_whole_one(k):
    expected = f"k is of the type {type(k).__name__}, not a whole number"
    assert sentence(checked_query, np.zeros(3), 3, k) == expected


def test_a_number_of_answers_may_be_numpys():
    int_like: Any = np.int64(2)
    assert checked_query(np.ones(3), 3, int_like).shape == (1, 3)


@pytest.mark.parametrize("folder", [None, 5, b"/tmp"])
def test_a_folder_has_a_path(folder):
    assert "a folder is given by its path, not by" in sentence(RELEASE.index, folder)


@pytest.mark.parametrize("source", [None, 5, b"/tmp", ["a"]])
def test_a_release_has_a_path_or_a_url(source):
    assert "a release is given by a path or a URL" in sentence(diptych.load, source)


@pytest.mark.parametrize("token", ["a\nb", "\u00e9", "", 5, b"x"])
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_token_that_no_header_can_hold_is_named_before_it_is_sent(scheme, token):
    found = sentence(diptych.load, f"{scheme}://127.0.0.1:9/m", token)
    assert found == "the token is not a text of ASCII letters, digits and signs"
