"""Which slice a record belongs to, read from what TFMA hands over."""

from typing import Any

import numpy as np
import pytest

from components.evaluator import slices
from components.evaluator.tfma.predictions import Records
from schema import features
from trainer.preprocessing.captions import text_ids


@pytest.mark.parametrize(
    ("lengths", "bucket"),
    [
        ([1], "1"),
        ([1, 1, 2], "1"),  # 4/3
        ([1, 2], "2-3"),  # 1.5 is rounded up
        ([3, 4, 3], "2-3"),
        ([4], "4-7"),
        ([7, 8, 7], "4-7"),
        ([8], "8-15"),
        ([15], "8-15"),
        ([16], "16+"),
        ([300], "16+"),
        ([], "(none)"),
    ],
)
def test_caption_length(lengths, bucket):
    assert slices.caption_length(["word " * length for length in lengths]) == bucket


@pytest.mark.parametrize(
    ("width", "height", "bucket"),
    [
        (79, 100, "portrait"),
        (80, 100, "square"),
        (100, 100, "square"),
        (125, 100, "square"),
        (126, 100, "landscape"),
    ],
)
def test_aspect_ratio(width, height, bucket):
    assert slices.aspect_ratio(width, height) == bucket


def test_slice_names_are_a_round_trip():
    assert slices.slice_name(slices.slice_feature("vendor")) == "vendor"


def answer(texts: np.ndarray) -> dict[str, np.ndarray]:
    """What a model answers to three records."""
    return {features.IMAGE_EMBEDDING: np.ones((3, 2)), features.TEXT_EMBEDDINGS: texts}


class Sparse:
    """A sparse tensor as TFMA makes it: values of each row, one after the other."""

    def __init__(self, *given: list[Any]):
        self.values = np.array([value for row in given for value in row])
        places = [(n, k) for n, row in enumerate(given) for k in range(len(row))]
        self.indices = np.array(places).reshape(-1, 2)
        self.dense_shape = np.array([len(given), max(len(row) for row in given)])


@pytest.fixture
def raw() -> dict[str, Any]:
    return {
        features.IMAGE_KEY: np.array([[b"x"], [b"y"], [b"z"]]),
        features.IMAGE_WIDTH: np.array([[10], [20], [10]]),
        features.IMAGE_HEIGHT: np.array([[20], [10], [10]]),
        features.CAPTIONS: Sparse(
            [b"a red cat", b"no, a dog and a very long tail"], [b"b"], [b"c"]
        ),
        features.LABELS: Sparse([1, 0], [], [0]),
        features.attribute("vendor"): Sparse([b"noto"], [], [b"twemoji", b"other"]),
    }


def test_slices_of_records(raw):
    records = Records.of(raw)
    assert records.keys == ["x", "y", "z"]
    assert records.owner.tolist() == [0, 0, 1, 2]
    assert records.is_match.tolist() == [True, False, True, False]
    # The mismatch of x has eight words and does not count; z has no matching caption.
    assert records.slice_values("caption_length", raw) == ["2-3", "1", "(none)"]
    assert records.slice_values("aspect_ratio", raw) == ["portrait", "landscape", "square"]
    assert records.slice_values("vendor", raw) == ["noto", "(none)", "twemoji"]
    assert records.slice_values("season", raw) == ["(none)"] * 3
    assert records.attribute("vendor", raw) == ["noto", None, "twemoji"]


def test_captions_take_the_rows_of_their_record(raw):
    table = np.arange(3 * 2 * 2, dtype=np.float32).reshape(3, 2, 2)
    embedded = Records.of(raw).embedded(
        answer(table), lambda texts: pytest.fail("nothing is missing")
    )
    assert embedded.texts.tolist() == [[0, 1], [2, 3], [4, 5], [8, 9]]
    assert embedded.text.tolist() == [0, 1, 2, 3]
    captions = ["a red cat", "no, a dog and a very long tail", "b", "c"]
    assert embedded.ids.tolist() == text_ids(captions).tolist()


def test_captions_that_say_the_same_are_one_text(raw):
    raw[features.CAPTIONS] = Sparse([b"a red cat", b"b"], [b"B"], [b"A  Red Cat"])
    table = np.arange(3 * 2 * 2, dtype=np.float32).reshape(3, 2, 2)
    embedded = Records.of(raw).embedded(answer(table), lambda texts: np.zeros((0, 2)))
    assert embedded.texts.tolist() == [[0, 1], [2, 3]]  # the rows of the first that say so
    assert embedded.text.tolist() == [0, 1, 1, 0]
    assert embedded.owner.tolist() == [0, 0, 1, 2]


def test_a_model_of_fewer_captions_embeds_the_rest_by_its_text_tower(raw):
    table = np.zeros((3, 1, 2), np.float32)
    asked: list[str] = []

    def embed(texts):
        asked.extend(texts)
        return np.array([[7, 8]], np.float32)

    embedded = Records.of(raw).embedded(answer(table), embed)
    assert asked == ["no, a dog and a very long tail"]
    assert embedded.texts.tolist() == [[0, 0], [7, 8], [0, 0], [0, 0]]


def test_an_embedding_that_is_no_number_says_nothing(raw):
    table = np.ones((3, 2, 2), np.float32)
    table[0, 0, 1], table[1, 0, 0] = np.nan, np.inf
    embedded = Records.of(raw).embedded(answer(table), lambda texts: np.zeros((0, 2)))
    assert embedded.texts.tolist() == [[0, 0], [1, 1], [0, 0], [1, 1]]
