"""Our side of `benchmarks.training.speed`."""

import json
import time

import numpy as np
import tensorflow as tf

from benchmarks.training.peer import answer, questions
from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.training.data import input_pipeline
from trainer.training.optimization import optimizer
from trainer.training.performance.cpu import keep_freed_memory
from trainer.training.step import TrainableDualEncoder


def main() -> None:
    """Build what the first line says, then make steps as they are asked for."""
    keep_freed_memory()
    asked = questions()
    size = next(asked)
    blocks = {key: size[key] for key in ("width", "depth", "heads")}
    payload = {
        "image": {"size": size["side"]},
        "text": {
            "vocabulary_size": size["vocabulary"], "max_tokens": size["tokens"], "max_captions": 1
        },
        "model": {
            "image_tower": {
                "kind": "vit", "patch": size["patch"], "patch_dropout": size["patch_dropout"],
                **blocks,
            },
            "text_tower": {"kind": "transformer", **blocks},
            "embedding_dim": size["width"],
        },
        "training": {"batch_size": size["batch"], **size["training"]},
    }  # fmt: skip
    config = TrainerConfig.model_validate_json(json.dumps(payload))
    model = TrainableDualEncoder(config)
    model.compile(optimizer=optimizer.build(config.training, 1000))
    model.optimizer.build(model.trainable_variables)
    count, random = size["batch"], np.random.default_rng(0)
    shape = (count, size["side"], size["side"], 3)
    tokens = random.integers(1, size["vocabulary"], (count, size["tokens"]))
    tokens[:, size["filled"] :] = 0
    batch = {
        features.PIXELS: tf.constant(random.uniform(0, 255, shape), tf.float32),
        features.TOKENS: input_pipeline.without_padding(tf.constant(tokens)),
        features.CAPTION_IDS: tf.constant(np.arange(1, count + 1)[:, None]),
        features.CAPTION_LABELS: tf.ones([count, 1], tf.int64),
        features.KEY_ID: tf.range(count, dtype=tf.int64),
        features.CHOSEN: tf.zeros([count], tf.int64),
    }
    step = tf.function(model.train_step)
    weights = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    answer(parameters=weights)
    for question in asked:
        seconds = []
        for _ in range(question["steps"]):
            started = time.perf_counter()
            float(step(batch)["loss"])
            seconds.append(time.perf_counter() - started)
        answer(seconds=seconds)


if __name__ == "__main__":
    main()
