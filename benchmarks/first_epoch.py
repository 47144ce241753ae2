"""Does decoding hold back the first epoch? It, against an epoch on decoded pixels from memory.

    .venv/bin/python -m benchmarks.first_epoch

Photo-like images of 224 px as ingest leaves them are stored by Transform's function as they are
(`jpeg`) and as pixels (`raw`), and small towers are trained on them. An epoch of the input pipeline
alone says what reading costs without a step beside it.
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
ROUNDS = 3  # in turns, so that what else the machine does falls on all; the median counts
SPEC = {
    features.PIXELS: tf.io.FixedLenFeature([], tf.string),
    features.TOKENS: tf.io.FixedLenFeature([1, TOKENS], tf.int64),
    features.CAPTION_IDS: tf.io.FixedLenFeature([1], tf.int64),
    features.CAPTION_LABELS: tf.io.FixedLenFeature([1], tf.int64),
    features.KEY_ID: tf.io.FixedLenFeature([], tf.int64),
}


def config_of(encoding: str) -> TrainerConfig:
    """Return the config of small towers."""
    values: dict[str, Any] = {
        "image": {"size": SIZE[0], "encoding": encoding},
        "text": {"vocabulary_size": VOCABULARY, "max_tokens": TOKENS, "max_captions": 1},
        "model": {
            "image_tower": {"kind": "convnet", "widths": [8, 16, 32]},
            "text_tower": {"kind": "bag", "width": 32},
        },
        "training": {"batch_size": BATCH, "cache_mb": 0},
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
    print("stored    MB  reading s  first epoch s  from memory s  ratio  (aim: at most 1.1)")
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

            def batches(path: Path = path, config: TrainerConfig = config) -> Iterator:
                dataset = input_pipeline.training_batches([str(path)], SPEC, config, count, BATCH)
                return iter(dataset)

            memory = itertools.repeat(next(batches()))
            seconds_of(2, memory, step)  # compiles
            rounds = [
                (
                    seconds_of(steps, batches()),
                    seconds_of(steps, batches(), step),
                    seconds_of(steps, memory, step),
                )
                for _ in range(ROUNDS)
            ]
            read, first, again = (statistics.median(each) for each in zip(*rounds, strict=True))
            ratio = statistics.median(with_files / without for _, with_files, without in rounds)
            print(
                f"{encoding:6} {path.stat().st_size / 1e6:5.0f} {read:10.2f} {first:14.2f} "
                f"{again:14.2f} {ratio:6.2f}"
            )


if __name__ == "__main__":
    main()
