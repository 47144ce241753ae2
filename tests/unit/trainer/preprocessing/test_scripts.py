"""No caption loses its words, in whatever script: the names that Unicode gives emoji."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.support.paths import ROOT
from trainer.config.transform import TextConfig
from trainer.preprocessing import word_piece_graph
from trainer.preprocessing.captions import caption_ids, normalise, split_words
from trainer.preprocessing.learn_vocabulary import learn
from trainer.preprocessing.token_statistics import TokenStatistics, count, unknown_ids

NAMES = json.loads((ROOT / "tests/support/data/cldr/names.json").read_text("utf-8"))
SIZE = 4000  # of a vocabulary for all 23 languages: they are written in 1,400 characters
LONG = 1024  # tokens: nothing is cut off


def words_of(captions: Iterable[str]) -> tf.RaggedTensor:
    return split_words(normalise(tf.constant(list(captions))))


def learned(languages: Iterable[str], size: int) -> list[str]:
    words = words_of(name for language in languages for name in NAMES[language])
    counts = Counter(word.decode() for word in words.flat_values.numpy())
    return learn(counts, size)


def tokens_of(captions: list[str], pieces: list[str], folder: Path, length: int) -> np.ndarray:
    (folder / "vocabulary").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    config = TextConfig(max_tokens=length)
    return word_piece_graph.word_pieces(
        words_of(captions), str(folder / "vocabulary"), config
    ).numpy()


def spelled(tokens: np.ndarray, pieces: list[str]) -> bytes:
    """The text that tokens stand for, without spaces."""
    found = b""
    halves = ""
    for piece in (pieces[i] for i in tokens if i):
        if piece.startswith("<0x"):
            halves += piece[3:-1]
            continue
        found += bytes.fromhex(halves) + piece.removeprefix("##").encode()
        halves = ""
    return found + bytes.fromhex(halves)


@pytest.fixture(scope="module")
def pieces() -> list[str]:
    return learned(NAMES, SIZE)


@pytest.mark.parametrize("language", NAMES)
def test_a_language_that_was_learned_has_no_unknown_tokens(language, pieces, tmp_path):
    names = NAMES[language]
    tokens = tokens_of(names, pieces, tmp_path, 32)
    found = measured(names, tokens, pieces)
    assert found.captions == len(set(map(normal, names)))
    assert found.unknown_share < 0.001
    assert found.equal == 0
    assert ((tokens != 0).sum(axis=1) > 1).mean() > 0.9  # no name shrinks to one token


def measured(names: list[str], tokens: np.ndarray, pieces: list[str]) -> TokenStatistics:
    ids = caption_ids(words_of(names)).numpy()
    return count([(ids, tokens)], unknown_ids(pieces))


def normal(name: str) -> str:
    return normalise(tf.constant(name)).numpy().decode()


# Vocabularies that spell in bytes and in halves of them; the second is too small for all scripts.
@pytest.mark.parametrize("size", [1500, 300])
def test_a_language_that_was_not_learned_is_spelled(size, tmp_path):
    held_out = ("th", "hy", "zh", "my")
    pieces = learned(NAMES.keys() - held_out, size)
    assert len(pieces) <= size
    for language in (*held_out, "en", "km", "ja", "ar"):
        names = NAMES[language]
        tokens = tokens_of(names, pieces, tmp_path, LONG)
        assert 1 not in tokens
        for name, row in zip(names, tokens, strict=True):
            assert spelled(row, pieces) == normal(name).replace(" ", "").encode()
        assert measured(names, tokens, pieces).equal == 0


def test_text_without_spaces_is_cut_into_pieces_of_several_characters(tmp_path):
    """Each caption a word of 29 characters on average, all different, as Thai has them."""
    animals, places = NAMES["th"][:20], NAMES["lo"][:20]
    captions = [f"{a}{b}".replace(" ", "") for a in animals for b in places]
    counts = Counter(word.decode() for word in words_of(captions).flat_values.numpy())
    pieces = learn(counts, 1000)
    tokens = tokens_of(captions, pieces, tmp_path, LONG)
    found = measured(captions, tokens, pieces)
    assert (found.captions, found.unknown, found.equal) == (400, 0, 0)
    characters = sum(map(len, captions))
    assert found.tokens < characters / 2


def test_the_characters_of_a_long_word_and_of_a_full_alphabet_are_known():
    # 3,000 ideographs, where the learner's own limit is 1,000 characters, each a word.
    han = {chr(0x4E00 + n): 2 for n in range(3000)}
    # One word of 60 characters, where its limit is 50.
    word = "".join(chr(0x0E01 + n % 40) for n in range(60))
    found = set(learn({**han, word: 3}, 8000))
    assert han.keys() <= found
    assert set(word) <= found
    assert {f"##{each}" for each in word} <= found


def test_the_alphabet_of_a_small_vocabulary_is_that_of_the_most_frequent_characters():
    counts = {"ab": 9, "cd": 8, "ef": 7, "gh": 6, ",": 1}
    # 32 less 18 reserved are 14; three quarters, 10 pieces, are five letters inside words or not.
    pieces = learn(counts, 32)
    assert pieces[18:28] == [*"abcde", *(f"##{each}" for each in "abcde")]
    assert {"ab", "cd"} <= set(pieces[28:])


def test_unknown_tokens_and_equal_captions_are_counted_once_for_each_text():
    # Ids 1 to 3 are unknown; 0 is padding, as caption and as token.
    ids = np.array([7, 8, 7, 0, 9])
    tokens = np.array([[5, 1, 0], [5, 1, 0], [5, 1, 0], [0, 0, 0], [4, 4, 3]])
    more = (np.array([9, -2]), np.array([[4, 4, 3], [5, 0, 1]]))
    found = count([(ids, tokens), more], np.array([1, 2, 3]))
    # Texts 7, 8, 9 and -2: 2 + 2 + 3 + 2 tokens, each with one unknown; 7 and 8 are equal.
    assert found == TokenStatistics(tokens=9, unknown=4, captions=4, equal=2)
    assert (found.unknown_share, found.equal_share) == (4 / 9, 0.5)
    assert unknown_ids(["[PAD]", "[UNK]", "<0x0A>", "a", "<0xA>", "0xA"]).tolist() == [1, 2, 4]
