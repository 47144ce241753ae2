"""Say what a word of a caption is, and when two captions are the same.

The words of a caption are what is left of it, without NUL characters, after NFKC and lower-casing,
split at white space and around every punctuation mark, symbol and ideograph. Two captions are the
same if their words are. So 'red,cup' and 'Red , cup' are the same three words.

Everything that compares captions or counts words uses this file: the losses, the retrieval sample,
the Evaluator, the catalogue index, the statistics of the data and the checks of a model. The
tokenizer cuts these words into pieces.

The rule exists twice, because the serving model needs it as a graph and the ExampleGen at millions
of strings a minute. The second one reads the classes of characters off the first one; its NFKC and
its lower-casing are Python's, which know another version of Unicode. They differ for fewer
than 150 capital and modifier letters, which only one of the two knows; a test holds that bound.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from schema.text.stable_hash import hash_of
from trainer.preprocessing import character_classes

FORM: Final = "NFKC"
NUL: Final = r"\x00"  # TensorFlow's lower-casing would end a text at it
SEPARATOR = " "  # between the words of a caption where they are one string
_ALONE = r"[\p{P}\p{S}\p{Han}]"  # a word of one character
_SPACES = r"[\s\p{Z}]+"
_ASCII_WORD = re.compile(r"[!-/:-@\[-`{-~]|[^!-/:-@\[-`{-~ \t\n\f\r]+")


def normalise(captions: tf.Tensor) -> tf.Tensor:
    """Remove NUL characters, apply NFKC and lower-casing to a string tensor of any shape."""
    # Lower-casing can leave a form that NFKC would compose again, hence the second pass.
    whole = tf.strings.regex_replace(captions, NUL, "")
    lowered = tf.strings.lower(tf_text.normalize_utf8(whole, FORM), encoding="utf-8")
    return tf_text.normalize_utf8(lowered, FORM)


def split_words(captions: tf.Tensor) -> tf.RaggedTensor:
    """Split at white space and around punctuation, symbols and ideographs.

    Args:
        captions: normalised strings, [n].

    Returns:
        Words, [n, (words)].
    """
    return tf.RaggedTensor.from_row_splits(*_split(captions), validate=False)


# Traced once in a process, however often Transform traces the graph around it.
@tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
def _split(captions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    words = tf_text.regex_split(captions, f"{_SPACES}|{_ALONE}", _ALONE)
    return words.values, words.row_splits


def caption_ids(words: tf.RaggedTensor) -> tf.Tensor:
    """Number split captions: [n, (words)] to int64 [n], equal iff the words are; 0 = no word."""
    return fingerprint(tf.strings.reduce_join(words, axis=-1, separator=SEPARATOR))


def fingerprint(strings: tf.Tensor) -> tf.Tensor:
    """Hash strings to positive int64, the empty one to 0.

    Farmhash over 63 bits: among a million distinct captions two collide with odds of 1 in 10^7.
    """
    hashed = tf.strings.to_hash_bucket_fast(strings, 2**63 - 2) + 1
    return tf.where(tf.equal(strings, ""), tf.zeros_like(hashed), hashed)


def words_of(caption: str) -> list[str]:
    """Return the words of a Python string, as `split_words` of `normalise` does.

    But for the letters that the module names.
    """
    caption = caption.replace("\0", "")
    if caption.isascii():
        return _ASCII_WORD.findall(caption.lower())
    return word_pattern().findall(_normalised(caption))


def same_words(caption: str) -> str:
    """Return what captions have in common if and only if they are the same: their words, joined."""
    return SEPARATOR.join(words_of(caption))


def text_ids(captions: Sequence[str]) -> np.ndarray:
    """Hash Python strings to uint64 [n], equal iff the captions are the same.

    The numbers are not those of `caption_ids`.
    """
    return np.array([hash_of(same_words(caption)) for caption in captions], np.uint64)


@functools.cache
def special_characters() -> dict[str, str]:
    """Return the characters that the graph normalises to something else than Python does."""
    return character_classes.changed(normalise, _normalised)


def _normalised(text: str) -> str:
    return unicodedata.normalize(FORM, unicodedata.normalize(FORM, text).lower())


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """Return a pattern of Python that finds the words of a normalised caption."""
    return character_classes.words(split_words)
