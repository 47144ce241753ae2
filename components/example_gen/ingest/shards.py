"""Records as tf.train.Examples in TFRecord files, as many as their size needs."""

import hashlib
from collections.abc import Iterable, Sequence

import tensorflow as tf

from components.example_gen.ingest import image_store
from components.example_gen.records.merge import Record
from schema import features
from trainer.preprocessing.captions import words_of

SHARD_BYTES = 32 * 2**20  # of images; what a writer holds in memory, and a reader starts with
# Every TFX stage expects gzip. Images are compressed already, and compressing them again would take
# longer than decoding them.
OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)


def shard_count(total_bytes: int) -> int:
    """Return the number of files that a split of this many bytes is written to."""
    return max(1, -(-total_bytes // SHARD_BYTES))


def shard_order(key: str) -> int:
    """Return a pseudorandom number of a key: modulo the shards its shard, and its order within."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[8:16], "big")


def shard_path(folder: str, shard: int, count: int) -> str:
    """Return the name that TFX gives a shard."""
    return f"{folder}/data_tfrecord-{shard:05d}-of-{count:05d}.gz"


def write_shard(path: str, records: Iterable[Record], attributes: Sequence[str]) -> int:
    """Write one file, in an order that depends on the keys alone.

    Args:
        path: of the file.
        records: whose images are in an image store.
        attributes: names of those to keep.

    Returns:
        How many records were written.
    """
    ordered = sorted(records, key=lambda record: (shard_order(record.key), record.key))
    images = dict(image_store.read(record.stored for record in ordered))
    with tf.io.TFRecordWriter(path, OPTIONS) as writer:
        for record in ordered:
            example = to_example(record, images[record.stored], attributes)
            writer.write(example.SerializeToString(deterministic=True))
    return len(ordered)


def to_example(record: Record, image: bytes, attributes: Sequence[str]) -> tf.train.Example:
    """Convert a record to a tf.train.Example by the contract of `schema.features`.

    Args:
        record: everything but the bytes of its image.
        image: those.
        attributes: names of the attributes to keep; a record may lack some.
    """
    words_of_captions = [words_of(caption) for caption in record.captions]
    values: dict[str, list] = {
        features.IMAGE_KEY: [record.key],
        features.IMAGE_ENCODED: [image],
        features.IMAGE_FORMAT: [record.image.format],
        features.IMAGE_WIDTH: [record.image.width],
        features.IMAGE_HEIGHT: [record.image.height],
        features.IMAGE_BYTES: [len(image)],
        features.PERCEPTUAL_HASH: [f"{record.image.hash:016x}"],
        features.CAPTIONS: list(record.captions),
        features.CAPTION_WORDS: [len(caption_words) for caption_words in words_of_captions],
        features.WORDS: sorted(
            {word for caption_words in words_of_captions for word in caption_words}
        ),
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
