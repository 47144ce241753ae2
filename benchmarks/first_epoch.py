"""Does reading hold back the first epoch? It, against a later one on decoded pixels from memory.

    .venv/bin/python -m benchmarks.first_epoch

Photo-like images of 224 px as ingest leaves them are stored by Transform's function as they are
(`jpeg`) and as pixels (`raw`), and small towers are trained on them. Every epoch augments its
pixels; the last column is against steps on one augmented batch over and over, without any input
pipeline. An epoch of the input pipeline alone says what reading and augmenting cost.
"""

import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401

from benchmarks import machine
from benchmarks.ingest import data
from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.preprocessing import images
from trainer.training.data import input_pipeline
from trainer.training.optimization import optimizer
from trainer.training.performance.cpu import keep_freed_memory
from trainer.training.step import TrainableDualEncoder

SIZE, BATCH, TOKENS, VOCABULARY = (224, 168), 64, 16, 1000
CACHE_MB = 4000  # holds the decoded pixels of all records
ROUNDS = 3  # in turns, so that what else the machine does falls on all; the median counts
SPEC = {
    features.PIXELS: tf.io.FixedLenFeature([], tf.string),
    features.TOKENS: tf.io.FixedLenFeature([1, TOKENS], tf.int64),
    features.CAPTION_IDS: tf.io.FixedLenFeature([1], tf.int64),
    features.CAPTION_LABELS: tf.io.FixedLenFeature([1], tf.int64),
    features.KEY_ID: tf.io.FixedLenFeature([], tf.int64),
}


def config_of(encoding: str, cache_mb: int = 0) -> TrainerConfig:
    """Return the config of small towers."""
    values: dict[str, Any] = {
        "image": {"size": SIZE[0], "encoding": encoding},
        "text": {"vocabulary_size": VOCABULARY, "max_tokens": TOKENS, "max_captions": 1},
        "model": {
            "image_tower": {"kind": "convnet", "widths": [8, 16, 32]},
            "text_tower": {"kind": "bag", "width": 32},
        },
        "training": {"batch_size": BATCH, "cache_mb": cache_mb},
    }
    return TrainerConfig.model_validate_json(json.dumps(values))


def write_records(path: Path, photos: list[bytes], config: TrainerConfig) -> None:
    """Write records as Transform does, in a gzip file of stored blocks."""
    random = np.random.default_rng(0)
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for first in range(0, len(photos), BATCH):
            stored = images.transform(tf.constant(photos[first : first + BATCH]), config.image)
            for number, pixels in enumerate(stored.numpy(), first):
                example = tf.train.Example()
                found = example.features.feature
                found[features.PIXELS].bytes_list.value.append(pixels)
                tokens = random.integers(2, VOCABULARY, TOKENS)
                found[features.TOKENS].int64_list.value.extend(tokens)
                found[features.CAPTION_IDS].int64_list.value.append(number + 1)
                found[features.CAPTION_LABELS].int64_list.value.append(1)
                found[features.KEY_ID].int64_list.value.append(number)
                writer.write(example.SerializeToString())


def seconds_of(steps: int, batches: Iterator, step: Any = None) -> float:
    """Measure an epoch: of reading alone, or with a step on every batch."""
    started = time.perf_counter()
    loss = 0.0
    for batch in itertools.islice(batches, steps):
        if step is not None:
            loss = step(batch)["loss"]
    float(loss)  # waits until the last step is done
    return time.perf_counter() - started


def main() -> None:
    """Print an epoch's seconds from files and from memory, and their ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    keep_freed_memory()
    print(machine.describe())
    print(f"{count:,} images of {SIZE[0]} x {SIZE[1]} px, batches of {BATCH}")
    print("stored    MB  input alone s  first epoch s  from memory s  ratio  (asked 1.3, aim 1.1)")
    with tempfile.TemporaryDirectory() as scratch:
        folder = data.write_photos(Path(scratch, "photos"), count, SIZE)
        photos = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        for encoding in ("jpeg", "raw"):
            path, config = Path(scratch, f"{encoding}.gz"), config_of(encoding)
            write_records(path, photos, config)
            model = TrainableDualEncoder(config)
            model.compile(optimizer=optimizer.build(config.training, 1000))
            model.optimizer.build(model.trainable_variables)
            step = tf.function(model.train_step)
            steps = count // BATCH

            def batches(config: TrainerConfig, path: Path = path) -> Iterator:
                dataset = input_pipeline.training_batches([str(path)], SPEC, config, count, BATCH)
                return iter(dataset)

            in_memory = batches(config_of(encoding, CACHE_MB))
            seconds_of(steps, in_memory)  # fills the cache
            one_batch = itertools.repeat(next(in_memory))
            seconds_of(2, one_batch, step)  # compiles
            rounds = [
                (
                    seconds_of(steps, batches(config)),
                    seconds_of(steps, batches(config), step),
                    seconds_of(steps, in_memory, step),
                    seconds_of(steps, one_batch, step),
                )
                for _ in range(ROUNDS)
            ]
            alone, first, later, steps_alone = map(statistics.median, zip(*rounds, strict=True))
            ratio, of_steps = (
                statistics.median(each[1] / each[place] for each in rounds) for place in (2, 3)
            )
            print(
                f"{encoding:6} {path.stat().st_size / 1e6:5.0f} {alone:14.2f} {first:14.2f} "
                f"{later:14.2f} {ratio:6.2f}  {of_steps:.2f} of {steps_alone:.2f} s of steps alone"
            )


if __name__ == "__main__":
    main()
