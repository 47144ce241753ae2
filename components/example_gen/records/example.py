"""A record by the contract of `schema.features`, as a tf.train.Example."""

from collections.abc import Sequence

import tensorflow as tf

from components.example_gen.records.merge import Record
from schema import features
from trainer.preprocessing.captions import words_of


def to_example(record: Record, image: bytes, attributes: Sequence[str]) -> tf.train.Example:
    """Write a record.

    Args:
        record: everything but the bytes of its image.
        image: those.
        attributes: names of the attributes to keep; a record may lack some.
    """
    spoken = [words_of(caption) for caption in record.captions]
    values: dict[str, list] = {
        features.IMAGE_KEY: [record.key],
        features.IMAGE_ENCODED: [image],
        features.IMAGE_FORMAT: [record.image.format],
        features.IMAGE_WIDTH: [record.image.width],
        features.IMAGE_HEIGHT: [record.image.height],
        features.IMAGE_BYTES: [len(image)],
        features.PERCEPTUAL_HASH: [f"{record.image.hash:016x}"],
        features.CAPTIONS: list(record.captions),
        features.CAPTION_WORDS: [len(each) for each in spoken],
        features.WORDS: sorted({word for each in spoken for word in each}),
    }
    if record.labels is not None:
        values[features.LABELS] = list(record.labels)
    for name in attributes:
        if name in record.attributes:
            values[features.attribute(name)] = [record.attributes[name]]
    return tf.train.Example(
        features=tf.train.Features(feature={k: _feature(v) for k, v in values.items() if v})
    )


def _feature(values: list) -> tf.train.Feature:
    if isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    encoded = [v.encode() if isinstance(v, str) else v for v in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
