"""What `diptych check` says of the captions as tokens, by value."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf

from diptych.cli.check.tokens import measure_tokens, print_tokens
from pipeline.config.run_config import parse
from pipeline.console.rich_console import Console
from pipeline.console.summary import NODE
from schema import features
from tests.support.small_run import small_values


def write(folder: Path, *records: list[str]) -> None:
    folder.mkdir()
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "data-0.gz"), options) as writer:
        for captions in records:
            example = tf.train.Example()
            found = example.features.feature[features.CAPTIONS].bytes_list.value
            found.extend(caption.encode() for caption in captions)
            writer.write(example.SerializeToString())


@pytest.fixture
def examples(tmp_path: Path) -> dict:
    write(tmp_path / "Split-train", *[["red cat", "blue dog"]] * 3)
    write(tmp_path / "Split-eval", ["red cat", "RED  cat"], ["red dog", "ญ"])
    return {NODE: {"examples": [SimpleNamespace(uri=str(tmp_path))]}}


def printed(examples: dict, folder: Path, **text) -> list[str]:
    out = io.StringIO()
    config = parse({**small_values(), "text": text}, folder / "config.yaml")
    shares = measure_tokens(config, examples)
    if shares is not None:
        print_tokens(config.evaluation.split, shares, Console(file=out, width=80))
    return out.getvalue().splitlines()


def test_unknown_tokens_and_captions_that_become_equal(examples, tmp_path):
    # Three texts: red cat, red dog and six halves of the bytes of ญ, ten tokens.
    line, warning = printed(examples, tmp_path, vocabulary_size=400)
    assert line == (
        "eval: tokens: 60 % of 10 stand for unknown characters; "
        "0 % of 3 different captions have the tokens of another one"
    )
    assert warning.startswith("  ! 60 % of the tokens stand for characters that the vocabulary")
    # A vocabulary that has room left does not grow with its limit.
    assert "put captions that have them into train, raise text.vocabulary_size" in warning
    # Cut to the first token, of which one is a byte, 'red cat' and 'red dog' are equal.
    line, *warnings = printed(examples, tmp_path, vocabulary_size=2000, max_tokens=1)
    assert line == (
        "eval: tokens: 33.3 % of 3 stand for unknown characters; "
        "66.7 % of 3 different captions have the tokens of another one"
    )
    assert warnings[1].endswith("raise text.max_tokens or text.vocabulary_size")


def test_a_given_vocabulary_is_the_one_that_counts(examples, tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\nred\ncat\ndog\nญ\n")
    [line] = printed(examples, tmp_path, vocabulary="vocab.txt", vocabulary_size=16)
    assert line.startswith("eval: tokens: 0 % of 5 stand for unknown characters; 0 % of 3 ")


def test_without_examples_there_is_nothing_to_say(tmp_path):
    assert printed({}, tmp_path) == []
    assert printed({NODE: {}}, tmp_path) == []
