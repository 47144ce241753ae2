"""From transformed records to batches."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.losses.positives import choose_caption
from trainer.preprocessing import images as pixels
from trainer.training import seeds
from trainer.training.augmentation import augment_in_pieces
from trainer.training.distribution.tf_config import Cluster
from trainer.training.holdout import Keep

Spec = dict[str, tf.io.FixedLenFeature]
ALONE = Cluster()
MANY_EPOCHS = 10**6  # more than any run has; so far apart are the orders of two seeds
STEP_OF_LENGTH = 8  # tokens; XLA compiles a step anew for each length
PARSED_AT_ONCE = 256  # records; parsing a batch costs a tenth of parsing one by one
KEYS: Spec = {features.KEY_ID: tf.io.FixedLenFeature([], tf.int64)}


def count_records(files: Sequence[str], keep: Keep | None = None) -> int:
    """Read through the files once and count; with `keep`, the records it keeps."""
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP", num_parallel_reads=2)
    if keep is not None:
        keys = records.batch(PARSED_AT_ONCE).map(_parser(KEYS)).unbatch().filter(keep)
        records = keys.map(lambda record: record[features.KEY_ID])
    return int(records.batch(1024).reduce(tf.constant(0, tf.int64), _add_length).numpy())


def _add_length(total: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    return total + tf.size(batch, out_type=tf.int64)


def examples(
    files: Sequence[str],
    spec: Spec,
    config: TrainerConfig,
    cluster: Cluster = ALONE,
    keep: Keep | None = None,
) -> tf.data.Dataset:
    """Decoded records in the order of the files; of several workers, each gets its own.

    With `keep`, only the records it keeps are decoded.

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
    if keep is not None:
        parsed = parsed.filter(keep)
    return parsed.map(decode, num_parallel_calls=tf.data.AUTOTUNE)


def training_batches(
    files: Sequence[str],
    spec: Spec,
    config: TrainerConfig,
    records: int,
    batch_size: int,
    cluster: Cluster = ALONE,
    first_step: int = 0,
    keep: Keep | None = None,
) -> tf.data.Dataset:
    """Endless shuffled, augmented batches of exactly `batch_size` records, a caption drawn of each.

    What a step gets depends on the seed, the worker and the step's number alone: a run that goes
    on at `first_step` gets what it would have got without a break.

    Decoded records stay in memory when they fit into `training.cache_mb`, so that reading and
    decoding cost something in the first epoch only.

    Args:
        records: how many of the files' records come to this worker, and are kept.
        batch_size: of them, not of all workers together.
        cluster: the workers, and which one this is.
        first_step: the number of the first batch, counted from 0.
        keep: which records are learned from; None: all.
    """
    training = config.training
    dataset = examples(files, spec, config, cluster, keep)
    bytes_of_record = 3 * config.image.size**2 + 8 * config.text.max_captions * (
        config.text.max_tokens + 2
    )
    if records * bytes_of_record <= training.cache_mb * 2**20:
        dataset = dataset.cache()

    def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
        # Of this function's graph: the process's, if it is 0, does not go with a tensor.
        tf.random.set_seed(1)
        seed = epoch + training.seed * MANY_EPOCHS
        return dataset.shuffle(
            min(records, training.shuffle_buffer), seed, reshuffle_each_iteration=False
        )

    epoch, taken = divmod(first_step * batch_size, records)
    endless = tf.data.Dataset.range(epoch, MANY_EPOCHS).flat_map(shuffled).skip(taken)
    numbered = endless.batch(batch_size, drop_remainder=True).enumerate(first_step)
    finished = numbered.map(_finisher(config, cluster))
    # A batch that is learned from in chunks is heavier than it is long in the making: only then is
    # it made when it is needed, and not before.
    return finished if training.chunk_size else finished.prefetch(2)


def without_padding(tokens: tf.Tensor) -> tf.Tensor:
    """Cut off the columns where no caption of a batch has a token, in steps of `STEP_OF_LENGTH`.

    Captions are mostly shorter than the longest one allowed, and a transformer would compute its
    padding as well; what it makes of a caption is the same with less of it.

    Args:
        tokens: [n, max_tokens], 0 = padding, at the end of a row only.

    Returns:
        [n, the longest caption's length, rounded up], at most max_tokens.
    """
    longest = tf.reduce_max(tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32))
    return tokens[:, : STEP_OF_LENGTH * tf.maximum(1, -(-longest // STEP_OF_LENGTH))]


def _parser(spec: Spec) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    return lambda serialized: tf.io.parse_example(serialized, spec)


def _finisher(
    config: TrainerConfig, cluster: Cluster
) -> Callable[[tf.Tensor, dict[str, tf.Tensor]], dict[str, tf.Tensor]]:

    def finish(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        def seed(kind: int) -> tf.Tensor:
            return seeds.seed(config.training.seed, step, kind, cluster.index)

        chosen = choose_caption(
            batch[features.CAPTION_IDS],
            batch[features.CAPTION_LABELS],
            config.loss.pairs == "all",
            seed(seeds.CAPTION),
        )
        tokens = tf.gather(batch[features.TOKENS], chosen, batch_dims=1)
        pixels = augment_in_pieces(batch[features.PIXELS], config.augment, seed(seeds.AUGMENT))
        if config.training.chunk_size:
            pixels = tf.cast(pixels, tf.float16)  # to an eighth of a grey level, in half the memory
        return {
            **batch,
            features.PIXELS: pixels,
            features.TOKENS: (
                tokens if config.model.text_tower.fixed_length else without_padding(tokens)
            ),
            features.CHOSEN: chosen,
        }

    return finish
