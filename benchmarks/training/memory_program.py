"""One setting of `benchmarks.training.memory`."""

import json
import os
import resource
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.training.peer import SCRATCH, answer, questions
from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.training.data import input_pipeline
from trainer.training.optimization import optimizer
from trainer.training.performance.cpu import keep_freed_memory
from trainer.training.step import TrainableDualEncoder

RECORDS, SIDE, TOKENS, VOCABULARY = 8192, 64, 32, 8000
SPEC = {
    features.PIXELS: tf.io.FixedLenFeature([], tf.string),
    features.TOKENS: tf.io.FixedLenFeature([1, TOKENS], tf.int64),
    features.CAPTION_IDS: tf.io.FixedLenFeature([1], tf.int64),
    features.CAPTION_LABELS: tf.io.FixedLenFeature([1], tf.int64),
    features.KEY_ID: tf.io.FixedLenFeature([], tf.int64),
}


def main() -> None:
    """Build what the first line says, then make its steps whenever asked."""
    keep_freed_memory()
    asked = questions()
    payload = next(asked)
    blocks = {"width": 192, "heads": 3}
    values = {
        "image": {"size": SIDE},
        "text": {"vocabulary_size": VOCABULARY, "max_tokens": TOKENS, "max_captions": 1},
        "model": {
            "image_tower": {"kind": "vit", "patch": 8, "depth": 6, **blocks},
            "text_tower": {"kind": "transformer", "depth": 2, **blocks},
        },
        "training": {"batch_size": payload["batch"], "chunk_size": payload["chunk"]},
    }
    config = TrainerConfig.model_validate_json(json.dumps(values))
    batches = iter(
        input_pipeline.training_batches([str(_records())], SPEC, config, RECORDS, payload["batch"])
    )
    model = TrainableDualEncoder(config)
    model.compile(optimizer=optimizer.build(config.training, 1000))
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step)
    float(step(next(batches))["loss"])
    answer(ready=True)
    for _ in asked:
        started = time.perf_counter()
        for _ in range(payload["steps"]):
            loss = step(next(batches))["loss"]
        float(loss)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answer(seconds=seconds, peak_bytes=peak)


def _records() -> Path:
    """Synthetic records, as Transform would write them; texts without padding."""
    path = SCRATCH / "synthetic.gz"
    if path.exists():
        return path
    random, parts = np.random.default_rng(0), path.with_suffix(f".{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(parts), tf.io.TFRecordOptions(compression_type="GZIP")) as out:
        for number in range(RECORDS):
            flat = np.repeat(random.integers(0, 256, (SIDE, 1, 3)), SIDE, 1).astype(np.uint8)
            example = tf.train.Example()
            found = example.features.feature
            found[features.PIXELS].bytes_list.value.append(tf.io.encode_png(flat).numpy())
            tokens = random.integers(1, VOCABULARY, TOKENS)
            found[features.TOKENS].int64_list.value.extend(tokens)
            found[features.CAPTION_IDS].int64_list.value.append(number + 1)
            found[features.CAPTION_LABELS].int64_list.value.append(1)
            found[features.KEY_ID].int64_list.value.append(number)
            out.write(example.SerializeToString())
    parts.rename(path)
    return path


if __name__ == "__main__":
    main()
