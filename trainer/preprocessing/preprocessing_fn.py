"""`preprocessing_fn`, which TFX's Transform calls: the same graph in training and in serving."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import analyzer_nodes
from tensorflow_transform.beam.experimental import PTransformAnalyzer

from schema import features
from schema.errors import InputError
from trainer.config.transform import TextConfig, TransformConfig
from trainer.preprocessing import asset_paths, images, vocabulary
from trainer.preprocessing.captions import caption_ids, fingerprint, normalise, split_words
from trainer.preprocessing.tokenizer import create_tokenizer


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Convert records to the trainer's inputs; see `schema.features` for shapes and types.

    Args:
        inputs: a batch of raw features; captions and labels are sparse.
        custom_config: 'config' is canonical JSON of a `TransformConfig`; 'content', digests of the
            files that it names, is only for the cache.

    Raises:
        InputError: the vocabulary that the config names cannot be used.
    """
    asset_paths.allow_any()  # TFT saves the graph in the process that traces it
    config = TransformConfig.model_validate_json(custom_config["config"])
    outputs = text_features(inputs[features.CAPTIONS], config)
    outputs[features.CAPTION_LABELS] = caption_labels(
        inputs[features.LABELS], outputs[features.CAPTION_IDS]
    )
    encoded = tf.reshape(inputs[features.IMAGE_ENCODED], [-1])
    # The graph of the images is large. The analysis of the captions, for which this function is
    # traced again and again, computes no image.
    outputs[features.PIXELS] = (
        tf.identity(encoded) if _is_analysis() else images.transform(encoded, config.image)
    )
    outputs[features.KEY_ID] = fingerprint(tf.reshape(inputs[features.IMAGE_KEY], [-1]))
    return outputs


def _is_analysis() -> bool:
    """Return whether the graph being traced has an analyzer without a result."""
    graph = tf.compat.v1.get_default_graph()
    return bool(graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS))


def text_features(captions: tf.SparseTensor, config: TransformConfig) -> dict[str, tf.Tensor]:
    """Compute token ids [n, max_captions, max_tokens] and caption ids [n, max_captions]."""
    limit = config.text.max_captions
    table = tf.sparse.to_dense(captions, default_value="")[:, :limit]
    table = tf.pad(table, [[0, 0], [0, limit - tf.shape(table)[1]]], constant_values="")
    flat = tf.reshape(table, [-1])
    words = split_words(normalise(flat))
    file = tft.experimental.ptransform_analyzer(
        inputs=[words.values],
        ptransform=VocabularyAnalyzer(config.text),
        output_dtypes=[tf.string],
        output_shapes=[[]],
        output_asset_default_values=[b"vocabulary"],
    )[0]
    tokens = create_tokenizer(config.text).tokenize(flat, words, file)
    ids = caption_ids(words)
    return {
        features.TOKENS: tf.reshape(tokens, [-1, limit, config.text.max_tokens]),
        features.CAPTION_IDS: tf.reshape(ids, [-1, limit]),
    }


def caption_labels(labels: tf.SparseTensor, caption_ids: tf.Tensor) -> tf.Tensor:
    """Pad labels to [n, max_captions]: 1 where a record gives none, 0 for no caption."""
    limit = caption_ids.shape[1]
    given = tf.sparse.to_dense(labels, default_value=1)[:, :limit]
    given = tf.pad(given, [[0, 0], [0, limit - tf.shape(given)[1]]], constant_values=1)
    given = tf.reshape(given, [-1, limit])  # else one column would broadcast
    return given * tf.cast(tf.not_equal(caption_ids, 0), tf.int64)


class VocabularyAnalyzer(PTransformAnalyzer):
    """Make the vocabulary, which becomes an asset of the transform graph.

    It is learned from the words, counted with Beam, or copied from the file that the config names.
    """

    def __init__(self, config: TextConfig):
        super().__init__()
        self._config = config

    def expand(self, batches: beam.PCollection) -> Any:
        if self._config.vocabulary is not None:
            return (
                batches.pipeline
                | beam.Create([self._config])
                | "Copy" >> beam.Map(copy_vocabulary, self.base_temp_dir)
            )
        return (
            batches
            | "CountBatch" >> beam.FlatMap(_count_batch)
            | "Sum" >> beam.CombinePerKey(sum)
            | "Collect" >> beam.combiners.ToList()
            | "Learn" >> beam.Map(write_learned_vocabulary, self._config, self.base_temp_dir)
        )


def _count_batch(batch: Sequence[np.ndarray]) -> Iterable[tuple[bytes, int]]:
    return Counter(batch[0].ravel().tolist()).items()


def write_learned_vocabulary(
    counts: list[tuple[bytes, int]], config: TextConfig, folder: str
) -> np.ndarray:
    """Learn a vocabulary from (word, count) pairs and write its tokens one a line.

    Returns:
        The file's name, bytes in a 0-d array, as TFT requires of an analyzer.

    Raises:
        InputError: there is no word.
    """
    words = {word.decode(): count for word, count in counts if word}
    return _write(create_tokenizer(config).learn(words), folder)


def copy_vocabulary(config: TextConfig, folder: str) -> np.ndarray:
    """Check the vocabulary that a config names and copy it into a folder.

    Returns:
        As `write_learned_vocabulary`.

    Raises:
        InputError: the file does not exist, or cannot be used.
    """
    try:
        with tf.io.gfile.GFile(vocabulary.file_of(config), "rb") as file:
            content = file.read(vocabulary.LARGEST + 1)
    except tf.errors.OpError as error:
        raise InputError(f"{vocabulary.KEY} = {config.vocabulary}: cannot be read") from error
    if len(content) > vocabulary.LARGEST:
        raise InputError(
            f"{vocabulary.KEY} = {config.vocabulary}: is larger than {vocabulary.LARGEST:,} bytes"
        )
    return _write(create_tokenizer(config).check(content), folder)


def _write(pieces: Iterable[str], folder: str) -> np.ndarray:
    tf.io.gfile.makedirs(folder)
    name = f"{folder}/vocabulary"
    with tf.io.gfile.GFile(name, "w") as file:
        file.write("\n".join(pieces) + "\n")
    return np.array(name.encode())
