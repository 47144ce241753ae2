"""Cut the words of captions into the pieces of a vocabulary, as operations of a graph."""

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from trainer.config.transform import TextConfig
from trainer.preprocessing.graph_functions import rare
from trainer.preprocessing.vocabulary import BYTES, HALF_BYTES, LONGEST_PIECE, UNKNOWN

_NO_LIMIT = 2**31 - 1  # bytes of a word: a text without spaces is one


def word_pieces(
    words: tf.RaggedTensor, vocabulary: tf.Tensor | str, config: TextConfig
) -> tf.Tensor:
    """Cut words into the longest pieces of a vocabulary file.

    A character that no piece begins with is cut off from its word and spelled in bytes, if the
    vocabulary holds the pieces of all bytes as a learned one does; otherwise it becomes `UNKNOWN`.

    Args:
        words: [n, (words)].
        vocabulary: name of a file with one piece a line, `PADDING` first, `UNKNOWN` anywhere.
        config: the number of pieces to keep of a caption, and those around a caption with words.

    Returns:
        Token ids, int64 [n, max_tokens], 0 = padding.
    """
    table = table_of(vocabulary)
    return padded(_pieces(words, table), table, config)


def table_of(vocabulary: tf.Tensor | str) -> tf.lookup.StaticVocabularyTable:
    """Make the table of ids by piece of a vocabulary file; its last id is that of no piece."""
    return tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            vocabulary,
            key_dtype=tf.string,
            key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
            value_dtype=tf.int64,
            value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        num_oov_buckets=1,
    )


def padded(
    ids: tf.RaggedTensor, table: tf.lookup.StaticVocabularyTable, config: TextConfig
) -> tf.Tensor:
    """Cut the ids of captions, put pieces around them, and pad them.

    Args:
        ids: [n, (pieces)].
        table: see `table_of`.
        config: the number of pieces to keep of a caption, and those around a caption with words.

    Returns:
        int64 [n, max_tokens].
    """
    tokens = ids[:, : config.max_tokens - len(config.around)]
    has_any = tf.cast(tokens.row_lengths() > 0, tf.int64)

    def one(piece: str | None) -> list[tf.RaggedTensor]:
        if piece is None:
            return []
        ids = tf.repeat(table.lookup(tf.constant([piece])), tf.reduce_sum(has_any))
        return [tf.RaggedTensor.from_row_lengths(ids, has_any)]

    tokens = tf.concat([*one(config.start_token), tokens, *one(config.end_token)], axis=1)
    tokens = tokens.to_tensor(default_value=0, shape=[None, config.max_tokens])
    return tf.reshape(tokens, [-1, config.max_tokens])


def _pieces(words: tf.RaggedTensor, table: tf.lookup.StaticVocabularyTable) -> tf.RaggedTensor:
    """Look up the ids of the pieces of captions: [n, (words)] to [n, (pieces)]."""
    tokenizer = tf_text.WordpieceTokenizer(
        table,
        token_out_type=tf.int64,
        unknown_token=UNKNOWN,
        split_unknown_characters=True,
        max_bytes_per_word=_NO_LIMIT,
        max_chars_per_token=LONGEST_PIECE,
    )
    pieces, starts, ends = tokenizer.tokenize_with_offsets(words)
    ids = pieces.flat_values
    unknown = table.lookup(tf.constant([UNKNOWN]))[0]
    # Within a word, an unknown character has the id after the last one of the vocabulary.
    is_unknown = tf.equal(ids, unknown) | (ids >= table.size() - 1)
    splits = tf.gather(pieces.values.row_splits, pieces.row_splits)
    # Spelling takes as long as the tokenizer itself, and most batches need none.
    ids, splits = tf.cond(
        tf.reduce_any(is_unknown),
        lambda: _spelled(
            ids,
            splits,
            is_unknown,
            tf.gather(words.flat_values, pieces.values.value_rowids()),
            starts.flat_values,
            ends.flat_values,
            unknown,
            _spelling(table),
        ),
        lambda: (ids, splits),
    )
    return tf.RaggedTensor.from_row_splits(ids, splits, validate=False)


def _vector(dtype: tf.DType) -> tf.TensorSpec:
    return tf.TensorSpec([None], dtype)


@rare(
    *map(_vector, (tf.int64, tf.int64, tf.bool, tf.string, tf.int64, tf.int64)),
    tf.TensorSpec([], tf.int64),
    tf.TensorSpec([256, None], tf.int64),
)
def _spelled(
    ids: tf.Tensor,
    splits: tf.Tensor,
    is_unknown: tf.Tensor,
    words: tf.Tensor,
    starts: tf.Tensor,
    ends: tf.Tensor,
    unknown: tf.Tensor,
    spelling: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Replace unknown characters by their spelling.

    Args:
        ids: of pieces, [n].
        splits: where captions begin among them, [captions + 1].
        is_unknown: which pieces are unknown characters, [n].
        words: the word that a piece is of, [n].
        starts: the first byte of a piece in its word, [n].
        ends: the byte after it, [n].
        unknown: the id of `UNKNOWN`.
        spelling: see `_spelling`.

    Returns:
        New ids and row splits.
    """
    width = tf.shape(spelling, tf.int64)[1]

    cut = (tf.boolean_mask(values, is_unknown) for values in (words, starts, ends - starts))
    characters = tf.strings.substr(*cut)
    size = tf.strings.length(characters)
    counts = tf.tensor_scatter_nd_update(
        tf.ones_like(ids), tf.where(is_unknown), tf.maximum(tf.cast(size, tf.int64) * width, 1)
    )
    raw = tf.io.decode_raw(tf.strings.bytes_split(characters).flat_values, tf.uint8)
    pieces = tf.gather(spelling, tf.cast(tf.reshape(raw, [-1]), tf.int32))
    longer = tf.repeat(tf.where(is_unknown, unknown, ids), counts)
    longer = tf.tensor_scatter_nd_update(
        longer,
        tf.where(tf.repeat(is_unknown & (width > 0), counts)),
        tf.reshape(pieces, [-1]),
    )
    before = tf.concat([[tf.constant(0, tf.int64)], tf.cumsum(counts)], axis=0)
    return longer, tf.gather(before, splits)


def _spelling(table: tf.lookup.StaticVocabularyTable) -> tf.Tensor:
    """Look up the ids of the pieces that spell each byte, [256, k]; k = 0: there are none."""
    whole = table.lookup(tf.constant(BYTES))
    halves = table.lookup(tf.constant(HALF_BYTES))
    byte = np.arange(256)
    both = tf.stack([tf.gather(halves, byte >> 4), tf.gather(halves, byte & 15)], axis=1)
    has_bytes, has_halves = (tf.reduce_all(ids < table.size() - 1) for ids in (whole, halves))
    width = tf.where(has_bytes, 1, tf.where(has_halves, 2, 0))
    return tf.where(has_bytes, tf.stack([whole, whole], axis=1), both)[:, :width]
