"""The input pipeline: from transformed records to batches.

A search judges its trials on a share of the train split, the holdout. Whether an image belongs to
it depends on its key alone, not on the other records or their order, and all captions of an image
are on the same side.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import TransformConfig
from trainer.losses.positives import choose_caption
from trainer.preprocessing import images
from trainer.training import seeds
from trainer.training.data.augmentation import augment_in_pieces
from trainer.training.data.cached_features import CachedFeatures
from trainer.training.distribution.tf_config import Cluster

Spec = dict[str, tf.io.FixedLenFeature]
Keep = Callable[[dict[str, tf.Tensor]], tf.Tensor]  # whether to keep a record, a boolean scalar
SINGLE_WORKER = Cluster()
MANY_EPOCHS = 10**6  # more than any run has, so that no two seeds shuffle in the same order
STEP_OF_LENGTH = 8  # tokens; XLA compiles a step anew for each length
PARSED_AT_ONCE = 256  # records; parsing a batch costs a tenth of parsing one by one
KEYS: Spec = {features.KEY_ID: tf.io.FixedLenFeature([], tf.int64)}
HASH_BUCKETS = 2**20  # a holdout's share is rounded to one part in so many


def held_out_keys(share: float) -> Keep:
    """Return a filter that keeps the records of the holdout, `share` of all keys."""
    return lambda record: _hash_bucket(record) < round(share * HASH_BUCKETS)


def training_keys(share: float) -> Keep:
    """Return a filter that keeps the records outside the holdout of `share`."""
    return lambda record: _hash_bucket(record) >= round(share * HASH_BUCKETS)


def _hash_bucket(record: dict[str, tf.Tensor]) -> tf.Tensor:
    # Hashed once more: the key's fingerprint may have decided in which split the record is.
    key = tf.strings.as_string(record[features.KEY_ID])
    return tf.strings.to_hash_bucket_fast(key, HASH_BUCKETS)


def count_records(files: Sequence[str], keep: Keep | None = None) -> int:
    """Read the files once and count the records; with `keep`, those that it keeps."""
    records = _records(files, num_parallel_reads=2)
    if keep is not None:
        keys = records.batch(PARSED_AT_ONCE).map(_parser(KEYS)).unbatch().filter(keep)
        records = keys.map(lambda record: record[features.KEY_ID])
    return int(records.batch(1024).reduce(tf.constant(0, tf.int64), _add_length).numpy())


def _records(files: Sequence[str], **options: int) -> tf.data.Dataset:
    names = tf.constant(list(files), tf.string)  # of the right type even if there are none
    return tf.data.TFRecordDataset(names, compression_type="GZIP", **options)


def _add_length(total: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    return total + tf.size(batch, out_type=tf.int64)


def examples(
    files: Sequence[str],
    spec: Spec,
    config: TransformConfig,
    cluster: Cluster = SINGLE_WORKER,
    keep: Keep | None = None,
) -> tf.data.Dataset:
    """Read and decode records in the order of the files.

    Args:
        files: transformed records.
        spec: their parsing spec.
        config: how images are decoded.
        cluster: the workers; each reads a share of the records.
        keep: only records that it keeps are decoded; None: all.

    Returns:
        A dataset of dicts: the features of `spec`, pixels, if any, as uint8 [size, size, 3].
    """

    def decode(record: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        if features.PIXELS not in record:
            return record
        image = images.read(record[features.PIXELS], config.image)
        return {**record, features.PIXELS: image}

    records = _records(files)
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
    cluster: Cluster = SINGLE_WORKER,
    first_step: int = 0,
    keep: Keep | None = None,
    cached: CachedFeatures | None = None,
) -> tf.data.Dataset:
    """Make endless shuffled, augmented batches of exactly `batch_size` records.

    One caption of each record is drawn, or all are taken: `training.captions`. A batch depends only
    on the seed, the worker and the number of its step: a run that resumes at `first_step` gets the
    batches that it would have got without the interruption.

    Decoded records stay in memory if they fit into `training.cache_mb`, so that only the first
    epoch reads and decodes.

    Args:
        files: transformed records.
        spec: their parsing spec.
        config: the trainer's.
        records: how many records of the files this worker reads and keeps.
        batch_size: records in a batch of this worker.
        cluster: the workers, and which one this is.
        first_step: the number of the first batch, counted from 0.
        keep: which records to train on; None: all.
        cached: the features of frozen towers, for the records that this worker reads and keeps;
            None: no tower is frozen.

    Returns:
        A dataset of dicts: the features of `spec`, pixels as floats [n, size, size, 3], the tokens
        of one caption each [n, tokens], and `features.CHOSEN`, its index [n]. With
        `captions: all` the tokens of all captions instead, [n, captions, tokens], padded as
        `features.CAPTION_IDS` says. In place of the input of a frozen tower there are the features
        of its backbone, [n, f] or [n, captions, f].
    """
    training, towers = config.training, config.model
    if cached is not None:
        frozen = {
            features.PIXELS: towers.image_tower.cached,
            features.TOKENS: towers.text_tower.cached,
        }
        spec = {name: parsed for name, parsed in spec.items() if not frozen.get(name)}
    dataset = examples(files, spec, config, cluster, keep)
    if cached is not None:
        dataset = cached.with_rows(dataset)
    bytes_of_pixels = 3 * config.image.size**2 if features.PIXELS in spec else 0
    bytes_of_record = bytes_of_pixels + 8 * config.text.max_captions * (config.text.max_tokens + 2)
    if records * bytes_of_record <= training.cache_mb * 2**20:
        dataset = dataset.cache()

    def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
        # Set in this function's graph: a global seed of 0 does not combine with a tensor.
        tf.random.set_seed(1)
        seed = epoch + training.seed * MANY_EPOCHS
        return dataset.shuffle(
            min(records, training.shuffle_buffer), seed, reshuffle_each_iteration=False
        )

    epoch, taken = divmod(first_step * batch_size, records)
    endless = tf.data.Dataset.range(epoch, MANY_EPOCHS).flat_map(shuffled).skip(taken)
    numbered = endless.batch(batch_size, drop_remainder=True).enumerate(first_step)
    finished = numbered.map(_finisher(config, cluster, cached))
    # A batch that is trained on in chunks takes much memory and little time to make: it is not made
    # before it is needed.
    return finished if training.chunk_size else finished.prefetch(2)


def without_padding(tokens: tf.Tensor) -> tf.Tensor:
    """Remove columns that are padding in every row, in steps of `STEP_OF_LENGTH`.

    Most captions are shorter than `max_tokens`, and a transformer would spend time on the padding;
    its output for a caption does not depend on it.

    Args:
        tokens: [..., max_tokens], 0 = padding, at the end of a row only.

    Returns:
        [..., the longest caption's length, rounded up], at most max_tokens.
    """
    # At least 1: of no texts at all the maximum is the smallest number there is.
    longest = tf.maximum(1, tf.reduce_max(tf.math.count_nonzero(tokens, axis=-1, dtype=tf.int32)))
    return tokens[..., : STEP_OF_LENGTH * -(-longest // STEP_OF_LENGTH)]


def _parser(spec: Spec) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    return lambda serialized: tf.io.parse_example(serialized, spec)


def _finisher(
    config: TrainerConfig, cluster: Cluster, cached: CachedFeatures | None
) -> Callable[[tf.Tensor, dict[str, tf.Tensor]], dict[str, tf.Tensor]]:
    image_tower, text_tower = config.model.image_tower, config.model.text_tower

    def finish(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        def seed(kind: int) -> tf.Tensor:
            return seeds.seed(config.training.seed, step, kind, cluster.index)

        tokens, choice = batch[features.TOKENS], dict[str, tf.Tensor]()
        if config.training.captions == "one":
            chosen = choose_caption(
                batch[features.CAPTION_IDS],
                batch[features.CAPTION_LABELS],
                config.loss.pairs == "all",
                seed(seeds.CAPTION),
            )
            tokens = tf.gather(tokens, chosen, batch_dims=1)
            choice = {features.CHOSEN: chosen}
        if not text_tower.cached and not text_tower.fixed_length:
            tokens = without_padding(tokens)
        pixels = batch[features.PIXELS]
        if not image_tower.cached:
            pixels = augment_in_pieces(pixels, config.augment, seed(seeds.AUGMENT))
            if config.training.chunk_size:
                pixels = tf.cast(pixels, tf.float16)  # exact to an eighth of a grey level
        batch = {
            **batch,
            features.PIXELS: pixels,
            features.TOKENS: tokens,
            **choice,
        }
        return batch if cached is None else cached.look_up(batch)

    return finish
