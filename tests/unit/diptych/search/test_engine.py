"""What a query is compared with, and what is said of one that cannot be answered."""

import struct
import zlib

import numpy as np
import pytest

from diptych.search.engine import MINUS, Query, check_size
from diptych.search.facets import choose_facets
from schema.errors import InputError
from tests.support.search_page import FRUIT, meaning, picture, word_engine

ENGINE = word_engine()
RED_CAR = FRUIT.index(next(record for record in FRUIT if record[0] == "red/car"))


def keys(query: Query) -> list[str]:
    return [shown.key for shown in ENGINE.search(query).images]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_a_text_finds_what_it_means_with_its_cosine():
    best = ENGINE.search(Query(text="green pear", k=3)).images
    assert best[0].key == "green/pear"
    assert best[0].score == pytest.approx(1, abs=1e-6)
    for shown in best:
        [caption, *_] = shown.captions
        assert shown.score == pytest.approx(float(meaning(caption) @ meaning("green pear")))
        assert shown.record == shown.key


@pytest.mark.parametrize(
    ("text", "minus", "with_image"),
    [("red car", "red", False), ("blue", "", True), ("blue fish", "car", True), ("", "red", True)],
)
def test_the_parts_of_a_query_are_added_as_unit_vectors(text, minus, with_image):
    image = picture(RED_CAR) if with_image else None
    total = meaning("red car") if with_image else np.zeros(32)
    total = total + (meaning(text) if text else 0)
    if minus:
        total = total - MINUS * np.linalg.norm(total) * meaning(minus)
    expected = ENGINE.collection.vectors @ unit(total)
    answer = ENGINE.search(Query(text=text, image=image, minus=minus, k=15))
    assert [shown.score for shown in answer.images] == pytest.approx(
        sorted(expected.tolist(), reverse=True), abs=1e-6
    )


def test_an_image_less_its_colour_and_plus_another_is_the_other():
    query = Query(text="blue", image=picture(RED_CAR), minus="red", k=1)
    assert keys(query) == ["blue/car"]


def test_an_image_gives_captions_ranked_by_how_they_fit_it():
    captions = ENGINE.search(Query(image=picture(RED_CAR), k=1)).captions
    assert captions[0] == ("red car", pytest.approx(1, abs=1e-6))
    scores = [float(meaning(text) @ meaning("red car")) for text, _ in captions]
    assert [score for _, score in captions] == pytest.approx(scores, abs=1e-6)
    assert scores == sorted(scores, reverse=True)
    assert len({text for text, _ in captions}) == len(captions) == 30


def test_captions_are_embedded_once():
    engine = word_engine()
    engine.search(Query(image=picture(0)))
    before = engine.model.calls
    engine.search(Query(image=picture(1)))
    assert engine.model.calls == before


def test_a_filter_leaves_what_has_the_attribute():
    found = ENGINE.search(Query(text="red car", where={"colour": "green"}, k=15)).images
    assert {shown.attributes["colour"] for shown in found} == {"green"}
    assert len(found) == 5


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (Query(), "neither a text nor an image"),
        (Query(text=" \n", minus="red"), "neither a text nor an image"),
        (Query(image=b""), "the image is an empty file"),
        (Query(image=b"GIF89a nothing"), "the image cannot be decoded; JPEG, PNG"),
        (Query(image=picture(99)), "the image cannot be decoded"),
    ],
)
def test_a_query_that_cannot_be_answered_is_a_sentence(query, sentence):
    with pytest.raises(InputError, match=sentence):
        ENGINE.search(query)


def test_an_image_with_too_many_pixels_is_refused_by_its_header():
    header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 9_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    png += struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 0) + b"IDAT"
    with pytest.raises(InputError, match="image 2 has 90,000,000 pixels"):
        check_size(png, "image 2")
    check_size(picture(0), "it")
    check_size(b"not an image", "it")  # the model says so


def test_a_sample_is_the_same_each_time_and_from_all_over():
    first, again = ENGINE.sample(6), ENGINE.sample(6)
    assert first == again
    assert len({shown.key for shown in first}) == 6
    assert ENGINE.sample(1000)[0].score is None
    assert len(ENGINE.sample(1000)) == len(FRUIT)


def test_texts_from_elsewhere_are_shown_with_visible_control_characters():
    engine = word_engine([("a\x1b[2J\u202e/b", ["red\ncar"], {"na\rme": "\x07"}), *FRUIT])
    shown = engine.show("a\x1b[2J\u202e/b")
    assert shown.key == r"a\x1b[2J\u202e/b"
    assert shown.captions == (r"red\ncar",)
    assert shown.attributes == {r"na\rme": r"\x07"}


def test_attributes_to_filter_by_have_few_values_and_more_than_one():
    names = {f"name {n}": 1 for n in range(61)}
    facets = choose_facets({"vendor": {"a": 1, "b": 3}, "one": {"x": 4}, "name": names})
    assert [(facet.name, facet.values) for facet in facets] == [("vendor", [("b", 3), ("a", 1)])]
