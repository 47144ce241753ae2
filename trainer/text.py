"""From captions to token ids: the same graph in training and in serving."""

import tensorflow as tf
import tensorflow_text as tf_text

from trainer.vocabulary import PADDING, UNKNOWN

# Punctuation, symbols and ideographs are words of one character; spaces only separate.
_ALONE = r"[\p{P}\p{S}\p{Han}]"
_SPACES = r"[\s\p{Z}]+"
RESERVED = (PADDING, UNKNOWN)  # their line numbers in the vocabulary are their ids: 0 and 1


def normalise(captions: tf.Tensor) -> tf.Tensor:
    """Unicode NFKC, then lower case; string tensors of any shape."""
    # Lower-casing can leave a form that NFKC would compose again, hence the second pass.
    lowered = tf.strings.lower(tf_text.normalize_utf8(captions, "NFKC"), encoding="utf-8")
    return tf_text.normalize_utf8(lowered, "NFKC")


def split_words(captions: tf.Tensor) -> tf.RaggedTensor:
    """Split at spaces and around punctuation, symbols and ideographs.

    Args:
        captions: normalised strings, [n].

    Returns:
        Words, [n, (words)].
    """
    return tf_text.regex_split(captions, f"{_SPACES}|{_ALONE}", _ALONE)


def word_pieces(
    words: tf.RaggedTensor,
    vocabulary: tf.Tensor,
    max_tokens: int,
    start: str | None = None,
    end: str | None = None,
) -> tf.Tensor:
    """Cut words into the longest pieces of a vocabulary file.

    Args:
        words: [n, (words)].
        vocabulary: name of a file with one piece a line; the first line is `PADDING`, another one
            `UNKNOWN`.
        max_tokens: pieces kept of one caption, `start` and `end` among them.
        start: a piece put before those of a caption that has any; None: none.
        end: one put after them.

    Returns:
        Token ids, int64 [n, max_tokens], 0 = padding.
    """
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            vocabulary,
            key_dtype=tf.string,
            key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
            value_dtype=tf.int64,
            value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        num_oov_buckets=1,
    )
    pieces = tf_text.WordpieceTokenizer(
        table, token_out_type=tf.int64, unknown_token=UNKNOWN
    ).tokenize(words)
    tokens = pieces.merge_dims(1, 2)[
        :, : max_tokens - sum(each is not None for each in (start, end))
    ]
    has_any = tf.cast(tokens.row_lengths() > 0, tf.int64)

    def around(piece: str | None) -> list[tf.RaggedTensor]:
        if piece is None:
            return []
        ids = tf.repeat(table.lookup(tf.constant([piece])), tf.reduce_sum(has_any))
        return [tf.RaggedTensor.from_row_lengths(ids, has_any)]

    tokens = tf.concat([*around(start), tokens, *around(end)], axis=1)
    tokens = tokens.to_tensor(default_value=0, shape=[None, max_tokens])
    return tf.reshape(tokens, [-1, max_tokens])


def caption_ids(words: tf.RaggedTensor) -> tf.Tensor:
    """Split captions [n, (words)] to int64 [n], equal iff the normalised texts are; 0 = no word."""
    return fingerprint(tf.strings.reduce_join(words, axis=-1, separator=" "))


def fingerprint(strings: tf.Tensor) -> tf.Tensor:
    """A positive int64 per string, 0 for the empty one; equal strings have equal numbers.

    Farmhash over 63 bits: among a million distinct captions two collide with odds of 1 in 10^7.
    """
    hashed = tf.strings.to_hash_bucket_fast(strings, 2**63 - 2) + 1
    return tf.where(tf.equal(strings, ""), tf.zeros_like(hashed), hashed)
