"""Cut captions into the word pieces of a BERT, as operations of a graph.

The ids are those of the original tokenizer for lower-cased networks: the same cleaning, accents,
ideographs, punctuation and special tokens. They are computed from the raw captions, since
`captions.normalise` changes characters that a BERT keeps.

Reference: Devlin et al., "BERT: pre-training of deep bidirectional transformers for language
understanding" (2019).
"""

import functools
import unicodedata
from typing import Any, Final

import tensorflow as tf
import tensorflow_text as tf_text

from trainer.config.transform import TextConfig
from trainer.preprocessing import character_classes, word_piece_graph
from trainer.preprocessing.vocabulary import LONGEST_PIECE, UNKNOWN

# Tokens that a caption may name; they stand for themselves there, as in the original.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100  # characters; a longer one is unknown
FORM: Final = "NFD"
SIGMA = "\u03a3"
_FIRST = 0xE000  # private characters stand for the special tokens while a caption is cleaned
_PRIVATE = r"\p{Co}"
# Control and format characters vanish, whatever stands on both sides of them.
_VANISHING = r"[\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}-\x{9F}\x{FFFD}\p{Cf}]"
_ACCENTS = r"\p{Mn}"
_SPACES = r"[\s\p{Z}]"
_IDEOGRAPHS = (
    r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}"
)
_ALONE = rf"[!-/:-@\[-`{{-~\p{{P}}{_IDEOGRAPHS}]"  # a word of one character


def bert_tokens(captions: tf.Tensor, vocabulary: tf.Tensor | str, config: TextConfig) -> tf.Tensor:
    """Cut captions into the pieces of a vocabulary file.

    Args:
        captions: strings as they were written, [n].
        vocabulary: name of a file with one piece a line.
        config: the number of pieces to keep of a caption, and those around it.

    Returns:
        Token ids, int64 [n, max_tokens], 0 = padding. A caption without a word has no token.
    """
    table = word_piece_graph.table_of(vocabulary)
    tokenizer = tf_text.WordpieceTokenizer(
        table,
        token_out_type=tf.int64,
        unknown_token=UNKNOWN,
        max_bytes_per_word=4 * LONGEST_WORD,
        max_chars_per_token=LONGEST_PIECE,
    )
    words = split(captions)
    flat = words.flat_values
    too_long = tf.strings.length(flat, unit="UTF8_CHAR") > LONGEST_WORD
    flat = tf.where(too_long, tf.constant(UNKNOWN), flat)
    for private, token in _placeholders():
        flat = tf.where(tf.equal(flat, private), tf.constant(token), flat)
    pieces = tokenizer.tokenize(words.with_flat_values(flat)).merge_dims(1, 2)
    return word_piece_graph.padded(pieces, table, config)


def split(captions: tf.Tensor) -> tf.RaggedTensor:
    """Split captions [n] into words [n, (words)]; special tokens are private characters."""
    x = tf.strings.regex_replace(captions, _PRIVATE, "\x01")
    for private, token in _placeholders():
        x = tf.strings.regex_replace(x, rf"\[{token[1:-1]}\]", f" {private} ")
    return _split(_without_accents(_normalised(_without_controls(x))))


@functools.cache
def plain_form() -> dict[str, Any]:
    """Return what a program in plain Python needs to split captions as `split` does."""

    def controls(x: tf.Tensor) -> tf.Tensor:
        return _without_controls(tf.strings.regex_replace(x, _PRIVATE, "\x01"))

    different = character_classes.changed(
        _normalised, lambda x: unicodedata.normalize(FORM, x).lower()
    )
    return {
        "whole_tokens": SPECIAL,
        "removed": [character_classes.removed(f) for f in (controls, _without_accents)],
        "normal_form": FORM,
        # Python, too, lower-cases a sigma by its place in the word.
        "special_characters": {**different, SIGMA: SIGMA.lower()},
        "words": character_classes.words(_split).pattern,
    }


def _without_controls(x: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_replace(x, _VANISHING, "")


def _without_accents(x: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_replace(x, _ACCENTS, "")


def _normalised(x: tf.Tensor) -> tf.Tensor:
    x = tf_text.normalize_utf8(x, FORM)
    # The graph lower-cases a sigma by its place in the word, the original never does.
    x = tf.strings.regex_replace(x, SIGMA, SIGMA.lower())
    return tf.strings.lower(x, encoding="utf-8")


def _split(x: tf.Tensor) -> tf.RaggedTensor:
    return tf_text.regex_split(x, f"{_SPACES}+|{_ALONE}", _ALONE)


def _placeholders() -> list[tuple[str, str]]:
    return [(chr(_FIRST + number), token) for number, token in enumerate(SPECIAL)]
