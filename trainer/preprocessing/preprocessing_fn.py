"""`preprocessing_fn`, of which tf.Transform makes a graph: the same in training and serving."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schema import features
from trainer.config.transform import TransformConfig
from trainer.preprocessing import images
from trainer.preprocessing.captions import caption_ids, fingerprint, normalise, split_words
from trainer.preprocessing.tokenizer import create_tokenizer

INPUTS = (features.IMAGE_KEY, features.IMAGE_ENCODED, features.CAPTIONS, features.LABELS)


def preprocessing_fn(
    inputs: dict[str, Any], config: TransformConfig, vocabulary: str
) -> dict[str, tf.Tensor]:
    """Convert records to the trainer's inputs; see `schema.features` for shapes and types.

    Args:
        inputs: a batch of raw features, of which `INPUTS` are used; captions and labels are sparse.
        config: the sections `image` and `text`.
        vocabulary: name of a file with one token a line, which becomes an asset of the graph.
    """
    outputs = text_features(inputs[features.CAPTIONS], config, vocabulary)
    outputs[features.CAPTION_LABELS] = caption_labels(
        inputs[features.LABELS], outputs[features.CAPTION_IDS]
    )
    encoded = tf.reshape(inputs[features.IMAGE_ENCODED], [-1])
    outputs[features.PIXELS] = images.transform(encoded, config.image)
    outputs[features.KEY_ID] = fingerprint(tf.reshape(inputs[features.IMAGE_KEY], [-1]))
    return outputs


def text_features(
    captions: tf.SparseTensor, config: TransformConfig, vocabulary: str
) -> dict[str, tf.Tensor]:
    """Compute token ids [n, max_captions, max_tokens] and caption ids [n, max_captions]."""
    limit = config.text.max_captions
    table = tf.sparse.to_dense(captions, default_value="")[:, :limit]
    table = tf.pad(table, [[0, 0], [0, limit - tf.shape(table)[1]]], constant_values="")
    flat = tf.reshape(table, [-1])
    words = split_words(normalise(flat))
    # A table would make an asset of the name by itself; a tokenizer may read the file in any way.
    asset = tft.make_and_track_object(lambda: tf.saved_model.Asset(vocabulary), name="vocabulary")
    tokens = create_tokenizer(config.text).tokenize(flat, words, asset.asset_path)
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
