"""Say what a word of a caption is, and when two captions are the same.

The words of a caption are what is left of it after NFKC and lower-casing, split at white space and
around every punctuation mark, symbol and ideograph. Two captions are the same if their words are.
So 'red,cup' and 'Red , cup' are the same three words.

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
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from schema.text.stable_hash import hash_of

SEPARATOR = " "  # between the words of a caption where they are one string
_ALONE = r"[\p{P}\p{S}\p{Han}]"  # a word of one character
_SPACES = r"[\s\p{Z}]+"
_ASCII_WORD = re.compile(r"[!-/:-@\[-`{-~]|[^!-/:-@\[-`{-~ \t\n\f\r]+")


def normalise(captions: tf.Tensor) -> tf.Tensor:
    """Apply Unicode NFKC and lower-casing to a string tensor of any shape."""
    # Lower-casing can leave a form that NFKC would compose again, hence the second pass.
    lowered = tf.strings.lower(tf_text.normalize_utf8(captions, "NFKC"), encoding="utf-8")
    return tf_text.normalize_utf8(lowered, "NFKC")


def split_words(captions: tf.Tensor) -> tf.RaggedTensor:
    """Split at white space and around punctuation, symbols and ideographs.

    Args:
        captions: normalised strings, [n].

    Returns:
        Words, [n, (words)].
    """
    return tf_text.regex_split(captions, f"{_SPACES}|{_ALONE}", _ALONE)


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
    points = np.r_[1:0xD800, 0xE000:0x110000]
    characters = list(points.astype("<u4").tobytes().decode("utf-32-le"))
    graph = normalise(tf.constant(characters)).numpy()
    return {
        one: theirs
        for one, theirs in zip(characters, map(bytes.decode, graph), strict=True)
        if theirs != _normalised(one)
    }


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """Read the classes of all characters off the graph: it may know another Unicode than Python."""
    # From 1 on: the graph takes the character 0 for the end, and the ExampleGen removes it.
    points = np.r_[1:0xD800, 0xE000:0x110000]
    # A character between two letters forms one word with them, stands alone, or vanishes.
    table = np.full((len(points), 3), ord("a"), "<u4")
    table[:, 2] = points
    words = split_words(tf.constant([table.tobytes().decode("utf-32-le")])).flat_values.numpy()
    lengths = [len(word) for word in b"\n".join(words).decode().split("\n")]
    length = np.zeros(0x110000, np.int64)  # by character, of the word that it is in
    seen = np.frombuffer(b"".join(words).decode().encode("utf-32-le"), "<u4")
    length[seen] = np.repeat(lengths, lengths)
    alone, inside = [*_classes(length == 1)], [*_classes(length > 1)]
    return re.compile(f"{alone[0]}|(?:{inside[0]}+|{inside[1]}+)+|{alone[1]}")


def _classes(chosen: np.ndarray) -> Iterator[str]:
    """Write the chosen characters as two classes: Python searches in what is above 2^16."""
    for first, last in ((0, 2**16), (2**16, len(chosen))):
        steps = np.diff(chosen[first:last].astype(np.int8), prepend=0, append=0)
        starts, ends = np.flatnonzero(steps == 1) + first, np.flatnonzero(steps == -1) + first - 1
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        yield "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in pairs) + "]"
