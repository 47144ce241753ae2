"""A tokenizer that is registered is used wherever the config names it."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
import tensorflow as tf
from pydantic import ValidationError

from schema.errors import InputError
from trainer.config.transform import TOKENIZERS, TextConfig
from trainer.preprocessing import vocabulary_file
from trainer.preprocessing.captions import split_words
from trainer.preprocessing.tokenizer import Tokenizer, create_tokenizer
from trainer.preprocessing.tokenizers.word_pieces import WordPieces


class WholeWords(Tokenizer):
    """A token a word: what a user's own file would hold."""

    def learn(self, counts: Mapping[str, int]) -> Sequence[str]:
        room = self.config.vocabulary_size - 2
        return ["[PAD]", "[UNK]", *(word for word, _ in Counter(counts).most_common(room))]

    def tokenize(
        self, _captions: tf.Tensor, words: tf.RaggedTensor, file: tf.Tensor | str
    ) -> tf.Tensor:
        lines = tf.strings.split(tf.io.read_file(file), "\n")
        same = tf.equal(words.flat_values[:, None], lines[None])
        ids = tf.where(tf.reduce_any(same, 1), tf.argmax(same, 1), 1)
        return words.with_flat_values(ids).to_tensor(shape=[None, self.config.max_tokens])


@pytest.fixture
def whole_words(monkeypatch) -> TextConfig:
    monkeypatch.setattr(TOKENIZERS, "_entries", dict(TOKENIZERS))
    TOKENIZERS.add("whole_words", WholeWords)
    return TextConfig(tokenizer="whole_words", vocabulary_size=34, max_tokens=3)


def test_word_pieces_are_the_default():
    assert type(create_tokenizer(TextConfig())) is WordPieces


def test_a_registered_one_learns_and_tokenizes(whole_words, tmp_path):
    file = str(tmp_path / "vocabulary")
    vocabulary_file.write(file, whole_words, {b"cat": 3, b"red": 5, b"": 9})
    with open(file) as lines:
        assert lines.read() == "[PAD]\n[UNK]\nred\ncat\n"
    tokenize = tf.function(create_tokenizer(whole_words).tokenize)
    captions = tf.constant(["red cat", "a red cat red", ""])
    ids = tokenize(captions, split_words(captions), file)
    assert ids.numpy().tolist() == [[2, 3, 0], [1, 2, 3], [0, 0, 0]]


def test_one_that_checks_nothing_of_its_own_still_checks_the_file(whole_words, tmp_path):
    given = tmp_path / "given"
    given.write_text("[UNK]\n[PAD]\n")
    config = whole_words.model_copy(update={"vocabulary": str(given)})
    with pytest.raises(InputError, match=r"its first line is '\[UNK\]'; it must be \[PAD\]"):
        vocabulary_file.write(str(tmp_path / "vocabulary"), config, {})


def test_one_that_is_not_registered_is_refused():
    with pytest.raises(ValidationError, match="'bytes' is not a tokenizer; choose one of: bert, "):
        TextConfig(tokenizer="bytes")
