"""Word pieces of a toy vocabulary, by their exact ids."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from schema.errors import InputError
from trainer.config.transform import TextConfig
from trainer.preprocessing import vocabulary_file, word_piece_graph
from trainer.preprocessing.captions import fingerprint, normalise, split_words
from trainer.preprocessing.preprocessing_fn import caption_labels
from trainer.preprocessing.vocabulary import BYTES, HALF_BYTES

VOCABULARY = ["[PAD]", "[UNK]", "cat", "##s", "red", ",", "日"]

CONFIG = TextConfig(vocabulary="given", max_tokens=4)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary"
    path.write_text("\n".join(VOCABULARY) + "\n")
    return str(path)


def ids(captions: list[str], vocabulary: str, max_tokens: int = 4, **around) -> list[list[int]]:
    words = split_words(normalise(tf.constant(captions)))
    config = TextConfig(vocabulary="given", max_tokens=max_tokens, **around)
    return word_piece_graph.word_pieces(words, vocabulary, config).numpy().tolist()


def test_pieces_padding_unknown_and_cut(vocabulary):
    assert ids(["red cats"], vocabulary) == [[4, 2, 3, 0]]
    assert ids(["red dog"], vocabulary) == [[4, 1, 1, 1]]
    assert ids(["", "  "], vocabulary) == [[0, 0, 0, 0]] * 2
    assert ids(["cats, cats"], vocabulary) == [[2, 3, 5, 2]]  # the fifth piece is cut off


def test_pieces_around_a_caption_that_has_any(vocabulary):
    def around(captions, max_tokens, start, end):
        return ids(captions, vocabulary, max_tokens, start_token=start, end_token=end)

    # "," and "日" stand in for [CLS] and [SEP].
    assert around(["red cats", "", "cat"], 5, ",", "日") == [
        [5, 4, 2, 3, 6],
        [0, 0, 0, 0, 0],
        [5, 2, 6, 0, 0],
    ]
    assert around(["red cats"], 3, ",", "日") == [[5, 4, 6]]
    assert around(["red cats"], 3, None, "日") == [[4, 2, 6]]
    assert around(["red cats"], 3, ",", None) == [[5, 4, 2]]


def test_an_unknown_character_does_not_spoil_its_word(vocabulary):
    # No piece begins with x, and none inside a word with r: each is one [UNK], what is left is not.
    assert ids(["xcats"], vocabulary, 6) == [[1, 1, 1, 1, 3, 0]]
    assert ids(["catxs"], vocabulary, 6) == [[2, 1, 3, 0, 0, 0]]


def test_a_word_may_be_as_long_as_it_likes(vocabulary):
    word = "cat" + 300 * "s"  # tf-text's own limit is 100 bytes
    assert ids([word], vocabulary, 302) == [[2, *[3] * 300, 0]]


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        # ข is the bytes E0 B8 82.
        (BYTES, ["cat", "<0xE0>", "<0xB8>", "<0x82>", "##s", "red"]),
        (HALF_BYTES, ["cat", *(f"<0x{half}>" for half in "E0B882"), "##s", "red"]),
        ((), ["cat", "[UNK]", "##s", "red"]),
        (BYTES[:-1], ["cat", "[UNK]", "##s", "red"]),  # not all of them
    ],
)
def test_unknown_characters_are_spelled_where_the_vocabulary_can(tmp_path, spelling, expected):
    pieces = [*VOCABULARY, *spelling]
    (tmp_path / "v").write_text("\n".join(pieces) + "\n")
    rows = ids(["catขs red", "", "cats"], str(tmp_path / "v"), 10)
    assert [pieces[i] for i in rows[0] if i] == expected
    assert rows[1:] == [[0] * 10, [2, 3, *[0] * 8]]


def test_ideographs_stand_alone(vocabulary):
    assert ids(["日cat日"], vocabulary) == [[6, 2, 6, 0]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("\uff23\uff21\uff34", "cat"),  # full-width letters are compatibility forms
        ("Ünï", "ünï"),  # accents stay
        ("U\u0308", "ü"),  # and compose
        ("\ufb01", "fi"),
    ],
)
def test_normalise(given, expected):
    assert normalise(tf.constant([given])).numpy()[0].decode() == expected


def test_eager_graph_and_dataset_agree(vocabulary):
    captions = ["Red cats", "日, red", "dog"]  # with unknown characters and without
    eager = ids(captions, vocabulary)
    dataset = tf.data.Dataset.from_tensors(captions).map(
        lambda c: word_piece_graph.word_pieces(split_words(normalise(c)), vocabulary, CONFIG)
    )
    assert next(iter(dataset)).numpy().tolist() == eager


def test_fingerprints_are_positive_equal_for_equal_texts_and_0_for_none():
    found = fingerprint(tf.constant(["a", "b", "a", ""])).numpy()
    assert found[0] == found[2] != found[1]
    assert found[3] == 0
    assert (found[:3] > 0).all()


def test_labels_default_to_match_and_are_0_on_padding():
    ids = tf.constant([[5, 6, 0], [7, 0, 0]], tf.int64)
    given = tf.SparseTensor([[0, 0], [0, 1]], tf.constant([0, 1], tf.int64), [2, 2])
    assert caption_labels(given, ids).numpy().tolist() == [[0, 1, 0], [1, 0, 0]]
    none = tf.SparseTensor(np.zeros((0, 2), np.int64), tf.zeros([0], tf.int64), [2, 0])
    assert caption_labels(none, ids).numpy().tolist() == [[1, 1, 0], [1, 0, 0]]


def test_the_learned_vocabulary_holds_frequent_words_whole_whatever_the_order(tmp_path):
    size = TextConfig(vocabulary_size=60)
    counts = Counter({b"grinning": 40, b"grin": 30, b"face": 90, b"xylophone": 1})
    vocabulary_file.write(str(tmp_path / "a"), size, counts)
    vocabulary_file.write(str(tmp_path / "b"), size, dict(reversed(counts.items())))
    learned = (tmp_path / "a").read_text()
    assert learned == (tmp_path / "b").read_text()
    pieces = learned.splitlines()
    assert pieces[:2] == ["[PAD]", "[UNK]"]
    assert pieces[2:18] == list(HALF_BYTES)
    assert {"grinning", "grin", "face", "x", "##e"} <= set(pieces)
    assert "xylophone" not in pieces
    assert len(pieces) <= 60


def test_no_word_at_all_is_said(tmp_path):
    with pytest.raises(InputError, match="hold no word"):
        vocabulary_file.write(str(tmp_path / "a"), TextConfig(vocabulary_size=60), {b"": 3})
