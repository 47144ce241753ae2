"""From transformed records to batches."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from schema import features
from trainer import pixels
from trainer.augment import augment
from trainer.cluster import Cluster
from trainer.config import TrainerConfig

Spec = dict[str, tf.io.FixedLenFeature]
ALONE = Cluster()
PARSED_AT_ONCE = 256  # records; parsing a batch costs a tenth of parsing one by one


def count_records(files: Sequence[str]) -> int:
    """Read through the files once and count."""
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP", num_parallel_reads=2)
    return int(records.batch(1024).reduce(tf.constant(0, tf.int64), _add_length).numpy())


def _add_length(total: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    return total + tf.size(batch, out_type=tf.int64)


def examples(
    files: Sequence[str], spec: Spec, config: TrainerConfig, cluster: Cluster = ALONE
) -> tf.data.Dataset:
    """Decoded records in the order of the files; of several workers, each gets its own.

    Returns:
        A dataset of dicts: the features of `spec`, pixels as uint8 [size, size, 3].
    """

    def decode(record: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        image = pixels.read(record[features.PIXELS], config.image)
        return {**record, features.PIXELS: image}

    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    if cluster.workers > 1:
        records = records.shard(cluster.workers, cluster.index)
    parsed = records.batch(PARSED_AT_ONCE).map(_parser(spec)).unbatch()
    return parsed.map(decode, num_parallel_calls=tf.data.AUTOTUNE)


def training_batches(
    files: Sequence[str],
    spec: Spec,
    config: TrainerConfig,
    records: int,
    batch_size: int,
    cluster: Cluster = ALONE,
) -> tf.data.Dataset:
    """Endless shuffled, augmented batches of exactly `batch_size` records.

    Decoded records stay in memory when they fit into `training.cache_mb`, so that reading and
    decoding cost something in the first epoch only.

    Args:
        records: how many of the files' records come to this worker.
        batch_size: of them, not of all workers together.
        cluster: the workers, and which one this is.
    """
    training = config.training
    dataset = examples(files, spec, config, cluster)
    bytes_of_record = 3 * config.image.size**2 + 8 * config.text.max_captions * (
        config.text.max_tokens + 2
    )
    if records * bytes_of_record <= training.cache_mb * 2**20:
        dataset = dataset.cache()
    dataset = dataset.shuffle(min(records, training.shuffle_buffer), seed=training.seed)
    dataset = dataset.repeat().batch(batch_size, drop_remainder=True)
    return dataset.map(_augmenter(config)).prefetch(2)


def _parser(spec: Spec) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    return lambda serialized: tf.io.parse_example(serialized, spec)


def _augmenter(config: TrainerConfig) -> Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]:
    return lambda batch: {
        **batch,
        features.PIXELS: augment(batch[features.PIXELS], config.augment),
    }
