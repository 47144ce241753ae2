"""Whether two captions are the same, by every part of the pipeline that compares captions."""

import random
import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from components.beam_blocks import Block
from components.evaluator.slices import caption_length
from components.evaluator.tfma.predictions import Records
from components.example_gen.ingest.outputs import _images_and_captions
from components.example_gen.ingest.shards import to_example
from components.example_gen.records.merge import Record
from schema import features
from tests.support.ingest import record
from trainer.losses.positives import chosen_texts, match_rows
from trainer.preprocessing import token_statistics
from trainer.preprocessing.captions import (
    caption_ids,
    normalise,
    same_words,
    split_words,
    text_ids,
    words_of,
)

PAIRS = [
    ("red,cup", "red , cup", True),
    ("a red cup", "a  red\tcup ", True),
    ("A Red CUP", "a red cup", True),
    ("\ufb01ne \uff23\uff35\uff30", "fine cup", True),  # a ligature and full-width letters
    ("cafe\u0301", "CAFÉ", True),
    ("红色的杯子", "红色 的 杯子", True),
    ("smile 😀😀", "smile😀 😀", True),
    ("don't", "don ' t", True),
    ("", " ", True),
    ("red cup", "redcup", False),
    ("red, cup", "red cup", False),
    ("café", "cafe", False),
    ("杯子", "子杯", False),
    ("😀", "😃", False),
    ("a b", "b a", False),
]


def ids(captions: list[str]) -> tf.Tensor:
    """What preprocessing numbers them with."""
    return caption_ids(split_words(normalise(tf.constant(captions))))


def said(*captions: str) -> Record:
    return record(captions=captions)


def by_loss(one: str, other: str) -> bool:
    """Whether the text of one image is a positive of another image with the other caption."""
    table = ids([one, other])[:, None]
    rows = match_rows(
        tf.constant([1, 2]), table, tf.ones_like(table), chosen_texts(tf.constant([0, 0]))
    )
    return bool(rows(0, 1)[0, 1])


def by_evaluator(one: str, other: str) -> bool:
    raw = {
        features.IMAGE_KEY: np.array([[b"x"], [b"y"]]),
        features.CAPTIONS: np.array([[one.encode()], [other.encode()]], object),
    }
    answer = {
        features.IMAGE_EMBEDDING: np.ones((2, 3)),
        features.TEXT_EMBEDDINGS: np.ones((2, 1, 3)),
    }
    found = Records.of(raw).embedded(answer, lambda texts: np.zeros((0, 3)))
    return len(found.texts) == 1


def by_counts_of_the_data(one: str, other: str) -> bool:
    seen = set(_images_and_captions(Block([said(one), said(other)])))
    return sum(kind == "distinct_captions" for kind, _, _ in seen) == 1


def by_check(one: str, other: str) -> bool:
    found = token_statistics.count([(ids([one, other]).numpy(), np.eye(2, dtype=int))], np.array(0))
    return found.captions <= 1


@pytest.mark.parametrize("same", [by_loss, by_evaluator, by_counts_of_the_data, by_check])
@pytest.mark.parametrize(("one", "other", "expected"), PAIRS)
def test_all_that_compare_captions_agree(same, one, other, expected):
    assert same(one, other) == expected
    assert same(other, one) == expected


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A red, red cup!", ["a", "red", ",", "red", "cup", "!"]),
        ("红色的杯子 cup", ["红", "色", "的", "杯", "子", "cup"]),
        ("état_major 2 ½", ["état", "_", "major", "2", "1", "\u2044", "2"]),
        ("", []),
    ],
)
def test_drift_slices_and_the_model_count_the_same_words(caption, words):
    graph = split_words(normalise(tf.constant([caption])))
    assert [word.decode() for word in graph.flat_values.numpy()] == words
    assert words_of(caption) == words
    assert same_words(caption) == " ".join(words)
    made = to_example(said(caption), b"x", []).features.feature
    assert list(made[features.CAPTION_WORDS].int64_list.value) == [len(words)]
    assert [word.decode() for word in made[features.WORDS].bytes_list.value] == sorted(set(words))
    bucket = "4-7" if words else "1"
    assert caption_length([caption]) == bucket


def test_the_rule_on_strings_is_that_of_the_graph():
    """For every character that Python knows, of ideographs and syllables every 50th.

    Python's Unicode is a little newer: it knows the small letters of some capital letters, and what
    some letters are composed of, where the graph does not.
    """
    points = [
        chr(point)
        for point in range(1, 0x30000)
        if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs")
        and (point % 50 == 0 or not unicodedata.name(chr(point), "").startswith(("CJK", "HANGUL")))
    ]
    draw = random.Random(0)
    common = [*"aB ,.'_\u0301\u03a3\u03c3İéÄ中あ한ﬁ½\u00a0\u3000", "😀", "👩\u200d🚀", "☀\ufe0f"]
    mixed = ["".join(draw.choices(common, k=draw.randint(0, 9))) for _ in range(5_000)]
    captions = [*mixed, *(f"a{each}b {each}" for each in points)]
    graph = split_words(normalise(tf.constant(captions)))
    expected = np.split(graph.flat_values.numpy(), graph.row_splits.numpy()[1:-1])
    differ = {
        caption
        for caption, words in zip(captions, expected, strict=True)
        if words_of(caption) != [word.decode() for word in words]
    }
    assert not differ.intersection(mixed)
    assert len(differ) < 150
    assert {unicodedata.category(caption[1]) for caption in differ} <= {"Lu", "Lm"}


def test_ids_are_equal_where_captions_are():
    found = text_ids([text for one, other, _ in PAIRS for text in (one, other)]).reshape(-1, 2)
    assert (found[:, 0] == found[:, 1]).tolist() == [expected for *_, expected in PAIRS]
