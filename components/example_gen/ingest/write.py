"""Records into TFRecord files: as many as fit their size, each in an order of its own keys."""

import hashlib
from collections.abc import Iterable, Sequence

import tensorflow as tf

from components.example_gen.ingest import image_store
from components.example_gen.records.example import to_example
from components.example_gen.records.merge import Record

SHARD_BYTES = 32 * 2**20  # of images; what one writer holds in memory, and one reader starts with
# Images are compressed already: gzip's framing is kept, which every TFX stage expects, but not its
# second attempt at them, which would take longer than decoding them does.
OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)


def shards(total_bytes: int) -> int:
    """How many files a split of this many bytes is written to."""
    return max(1, -(-total_bytes // SHARD_BYTES))


def place(key: str) -> int:
    """A large number that looks random: modulo the shards, the shard; and the order within."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[8:16], "big")


def shard_path(folder: str, shard: int, count: int) -> str:
    """The name TFX gives such a file."""
    return f"{folder}/data_tfrecord-{shard:05d}-of-{count:05d}.gz"


def write_shard(path: str, records: Iterable[Record], attributes: Sequence[str]) -> int:
    """Write one file, in an order that depends on the keys alone.

    Args:
        path: of the file.
        records: whose images are in a spool.
        attributes: names of those to keep.

    Returns:
        How many records were written.
    """
    ordered = sorted(records, key=lambda record: (place(record.key), record.key))
    images = dict(image_store.read(record.stored for record in ordered))
    with tf.io.TFRecordWriter(path, OPTIONS) as writer:
        for record in ordered:
            example = to_example(record, images[record.stored], attributes)
            writer.write(example.SerializeToString(deterministic=True))
    return len(ordered)
