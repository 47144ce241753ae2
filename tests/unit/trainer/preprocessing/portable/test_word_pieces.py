"""The tokenizer in plain Python gives the ids of the graph that serves."""

import random
from pathlib import Path

import pytest
import tensorflow as tf

from tests.support.portable import portable_tokenizer
from trainer.config.transform import TextConfig
from trainer.preprocessing.captions import normalise, split_words, words_of
from trainer.preprocessing.tokenizer import create_tokenizer

KNOWN = [
    *("a red cup on the table", "Straße und Fluß", "東京タワー", "İstanbul'da güneş"),
    *("ΟΔΥΣΣΕΥΣ σοφός", "e\u0301clair — cafe\u0301", "x\u00b2 + ½ = ?", "\uff21\uff42\uff11"),
    *("ﬁne ﬂow", "\U0001f469\u200d\U0001f467 family, flag \U0001f1e9\U0001f1ea"),
    *("नमस्ते दुनिया", "\u1e9e \u212b \u2126 \u01c5", "a\u00a0b\u2003c\u200bd", "한국어 한글"),
    *("l'été n'est-ce pas", "#hash @at (x) [UNK] [PAD]"),
]
EDGES = [
    *("", " ", "\t\n", "[UNK]", "##a", "a" * 99, "a" * 100, "a" * 101, "a" * 250, "ß" * 70),
    *("\ufeff", "\U0001f600" * 40, "Σ", "ΑΣ", "ΑΣ.", "ΣΑ", "aΣ b", "\u0345\u0301"),
    *("a\u0327\u0301", "\u1112\u1161\u11ab", "\U0010ffff", "\ue000x", "x\u0378y"),
]


def odd_texts(count: int) -> list[str]:
    """Return texts of characters of all planes, of known words, and of both together."""
    rng = random.Random(5)
    ranges = [(1, 0x80), (0x80, 0x250), (0x250, 0x2000), (0x2000, 0x3400), (0x3400, 0xD800)]
    ranges += [(0xE000, 0x10000), (0x10000, 0x20000), (0x1F300, 0x1FB00), (0x20000, 0x110000)]

    def odd() -> str:
        low, high = rng.choice(ranges)
        return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 9)))

    def piece() -> str:
        return rng.choice((odd, lambda: rng.choice(KNOWN), lambda: rng.choice(KNOWN)[:5].upper()))()

    made = ["".join(piece() for _ in range(rng.randrange(1, 5))) for _ in range(count)]
    return [*KNOWN, *EDGES, *made]


TEXTS = odd_texts(2000)


@pytest.fixture(scope="module", params=["bytes", "halves", "none"])
def vocabulary(request, tmp_path_factory) -> tuple[TextConfig, Path]:
    """Vocabularies that spell unknown characters in bytes, in half bytes, and not at all."""
    file = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    if request.param == "none":
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", *(f"##{c}" for c in "abcdefgh")]
        file.write_text("\n".join([*pieces, "red", "##up", "a" * 100, "##" + "a" * 100]) + "\n")
        named = TextConfig(
            vocabulary=str(file), max_tokens=9, start_token="[CLS]", end_token="[SEP]"
        )
        return named, file
    size = 1500 if request.param == "bytes" else 120
    config = TextConfig(vocabulary_size=size, max_tokens=24)
    counts = {word: 5 for text in KNOWN for word in words_of(text)}
    file.write_text("\n".join(create_tokenizer(config).learn(counts)) + "\n", encoding="utf-8")
    return config, file


def test_the_ids_of_2000_odd_texts_are_those_of_the_graph(vocabulary, tmp_path):
    config, file = vocabulary
    captions = tf.constant(TEXTS)
    words = split_words(normalise(captions))
    expected = create_tokenizer(config).tokenize(captions, words, str(file)).numpy().tolist()
    tokenizer = portable_tokenizer(config, file, tmp_path)
    mine = tokenizer(TEXTS)
    different = [(text, a, b) for text, a, b in zip(TEXTS, mine, expected, strict=True) if a != b]
    assert different == []
    assert {len(ids) for ids in mine} == {config.max_tokens}


def test_a_nul_is_no_part_of_a_text_as_in_the_graph(vocabulary, tmp_path):
    config, file = vocabulary
    texts = ["a\0b", "red cup\0\n\0Σ\0 up", "\0", "é\0ß", "a b c\0"]
    captions = tf.constant([text.encode() for text in texts])
    words = split_words(normalise(captions))
    expected = create_tokenizer(config).tokenize(captions, words, str(file)).numpy().tolist()
    assert portable_tokenizer(config, file, tmp_path)(texts) == expected
    assert expected[2] == [0] * config.max_tokens
    for number, text in enumerate(texts):
        whole = text.replace("\0", "")
        assert words_of(text) == words_of(whole) == [w.decode() for w in words[number].numpy()]


def test_the_program_imports_python_s_own_modules_only(vocabulary):
    import ast

    made = create_tokenizer(vocabulary[0]).portable()
    assert made is not None
    tree = ast.parse(made.program.read_text(encoding="utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {getattr(n, "module", None) or n.names[0].name for n in imports}
    assert names == {"__future__", "collections.abc", "json", "pathlib", "re", "unicodedata"}
