"""Our side of `benchmarks.training.quality`: the emoji example, for a time and not for epochs."""

import json
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401
import tensorflow_transform as tft

from benchmarks.training.peer import ROOT, answer, questions
from pipeline.config.run_config import load
from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.export import saved_models
from trainer.training.data import input_pipeline, retrieval_sample
from trainer.training.optimization import optimizer
from trainer.training.performance.cpu import keep_freed_memory
from trainer.training.serving_weights import ServingCopy
from trainer.training.step import TrainableDualEncoder

MEASURED, SPARE = 12, 0.97  # of the time left: the machine may become slower


def main() -> None:
    """Train for as long as the first line says, then answer where the embeddings are."""
    keep_freed_memory()
    for question in questions():
        config = _config(question["changes"])
        transform = tft.TFTransformOutput(question["graph"])
        spec, files = transform.transformed_feature_spec(), question["files"]
        records, count = input_pipeline.count_records(files), config.training.batch_size
        started = time.perf_counter()
        batches = iter(input_pipeline.training_batches(files, spec, config, records, count))
        model, step = _built(config, 10**6)
        step(next(batches))
        begun = time.perf_counter()
        for _ in range(MEASURED):
            float(step(next(batches))["loss"])
        each = (time.perf_counter() - begun) / MEASURED
        begun = time.perf_counter()
        model, step = _built(config, 10**6)
        step(next(batches))
        tracing = time.perf_counter() - begun
        left = question["seconds"] - (time.perf_counter() - started) - tracing
        steps = int(SPARE * left / each)
        model, step = _built(config, steps)
        done = 0
        while done < steps and time.perf_counter() - started < question["seconds"]:
            loss = step(next(batches))["loss"]
            done += 1
        float(loss)
        learned = retrieval_sample.read_sample(files, spec, config)
        assert learned is not None
        model = ServingCopy(model, learned.pixels).update()
        seconds = time.perf_counter() - started
        served = saved_models.Served(
            model, transform.transform_features_layer(), transform.raw_feature_spec()
        )
        images = np.load(question["data"], allow_pickle=True)["eval_images"]
        found = {
            "images": _in_parts(served.image_tower, images),
            "texts": _in_parts(served.text_tower, question["texts"]),
        }
        np.savez(question["out"], images=found["images"], texts=found["texts"])
        answer(seconds=seconds, pairs=done * count, steps=done, planned=steps)


def _config(changes: dict[str, dict[str, Any]]) -> TrainerConfig:
    own = load(ROOT / "examples" / "emoji" / "config.yaml").for_trainer().model_dump(mode="json")
    for section, values in changes.items():
        own[section] |= values
    return TrainerConfig.model_validate_json(json.dumps(own))


def _built(
    config: TrainerConfig, steps: int
) -> tuple[TrainableDualEncoder, tf.types.experimental.Callable]:
    keras.utils.set_random_seed(config.training.seed)
    model = TrainableDualEncoder(config)
    model.compile(optimizer=optimizer.build(config.training, steps))
    model.optimizer.build(model.trainable_variables)
    return model, tf.function(model.train_step)


def _in_parts(tower: saved_models.Tower, values: list) -> np.ndarray:
    parts = [tf.constant(values[at : at + 128]) for at in range(0, len(values), 128)]
    return np.concatenate([tower(part)[features.EMBEDDING].numpy() for part in parts])


if __name__ == "__main__":
    main()
