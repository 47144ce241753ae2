"""Write the vocabulary of a run: learned from the words of the train split, or given."""

from collections import Counter
from collections.abc import Mapping

import tensorflow as tf

from schema import features
from schema.errors import InputError
from trainer.config.transform import TextConfig
from trainer.preprocessing import vocabulary
from trainer.preprocessing.captions import normalise, split_words
from trainer.preprocessing.tokenizer import create_tokenizer

BATCH = 1000  # records whose words are counted at once
_CAPTIONS = {features.CAPTIONS: tf.io.RaggedFeature(tf.string)}


def count_words(file: str, max_captions: int) -> Counter[bytes]:
    """Count the words of captions, split as the graph splits them.

    Args:
        file: a gzip file of serialized tf.train.Example.
        max_captions: those used of a record.
    """
    counts: Counter[bytes] = Counter()
    for records in tf.data.TFRecordDataset(file, "GZIP").batch(BATCH):
        captions = tf.io.parse_example(records, _CAPTIONS)[features.CAPTIONS]
        words = split_words(normalise(captions[:, :max_captions].flat_values))
        counts.update(words.flat_values.numpy().tolist())
    return counts


def write(path: str, config: TextConfig, counts: Mapping[bytes, int]) -> None:
    """Write a vocabulary, one token a line.

    Args:
        path: of the file.
        config: names a vocabulary to copy, or None to learn one.
        counts: how often each word occurs; used if there is one to learn.

    Raises:
        InputError: the file that the config names does not exist or cannot be used, or there is no
            word to learn from.
    """
    tokenizer = create_tokenizer(config)
    if config.vocabulary is None:
        tokens = tokenizer.learn({word.decode(): count for word, count in counts.items() if word})
    else:
        tokens = tokenizer.check(_content(config))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("\n".join(tokens) + "\n")


def _content(config: TextConfig) -> bytes:
    """Read the vocabulary that a config names."""
    try:
        with tf.io.gfile.GFile(vocabulary.file_of(config), "rb") as file:
            content: bytes = file.read(vocabulary.LARGEST + 1)
    except tf.errors.OpError as error:
        raise InputError(f"{vocabulary.KEY} = {config.vocabulary}: cannot be read") from error
    if len(content) > vocabulary.LARGEST:
        raise InputError(
            f"{vocabulary.KEY} = {config.vocabulary}: is larger than {vocabulary.LARGEST:,} bytes"
        )
    return content
