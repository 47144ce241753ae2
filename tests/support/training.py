"""Transformed records as the trainer reads them, and small configs."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.training import train
from trainer.training.checkpoints import Checkpoints
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster
from trainer.training.step import TrainableDualEncoder

SIZE, TOKENS, CAPTIONS, VOCABULARY = 8, 4, 2, 40
SPEC = {
    features.PIXELS: tf.io.FixedLenFeature([], tf.string),
    features.TOKENS: tf.io.FixedLenFeature([CAPTIONS, TOKENS], tf.int64),
    features.CAPTION_IDS: tf.io.FixedLenFeature([CAPTIONS], tf.int64),
    features.CAPTION_LABELS: tf.io.FixedLenFeature([CAPTIONS], tf.int64),
    features.KEY_ID: tf.io.FixedLenFeature([], tf.int64),
}
BASE: dict[str, Any] = {
    "image": {"size": SIZE},
    "text": {"vocabulary_size": VOCABULARY, "max_tokens": TOKENS, "max_captions": CAPTIONS},
    "model": {
        "image_tower": {"kind": "convnet", "widths": [4, 8], "dropout": 0.2},
        "text_tower": {"kind": "bag", "width": 8, "dropout": 0.2},
        "embedding_dim": 6,
    },
    "training": {"batch_size": 12, "epochs": 3, "warmup_steps": 2, "checkpoint_steps": 4},
}


def config(**sections: Any) -> TrainerConfig:
    """`BASE`, with keys of its sections replaced."""
    told = {name: {**BASE.get(name, {}), **sections.get(name, {})} for name in {*BASE, *sections}}
    return TrainerConfig.model_validate_json(json.dumps(told))


def write_records(folder: Path, count: int, seed: int = 0, telling: int = 1) -> list[str]:
    """Records in two files: images of nine kinds, and captions of which some tokens tell the kind.

    Args:
        folder: made if it is not there.
        count: of records.
        seed: of what is drawn.
        telling: how many tokens of a caption; the rest are random. 0: the images are noise, too.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [str(folder / f"{n}.gz") for n in range(2)]
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for part, path in enumerate(paths):
        with tf.io.TFRecordWriter(path, options) as writer:
            for n in range(part, count, 2):
                kind = n % 9
                noise = random.integers(-20, 20, (SIZE, SIZE, 3))
                image = (25 * kind + 20 + noise).clip(0, 255).astype(np.uint8)
                tokens = random.integers(2, VOCABULARY, (CAPTIONS, TOKENS))
                tokens[:, :telling] = 2 + kind
                if not telling:
                    image = random.integers(0, 256, image.shape, np.uint8)
                example = tf.train.Example()
                found = example.features.feature
                found[features.PIXELS].bytes_list.value.append(tf.io.encode_png(image).numpy())
                found[features.TOKENS].int64_list.value.extend(tokens.ravel())
                ids = [1 + 2 * n, 2 + 2 * n]
                found[features.CAPTION_IDS].int64_list.value.extend(ids)
                found[features.CAPTION_LABELS].int64_list.value.extend([1, 1])
                found[features.KEY_ID].int64_list.value.append(n)
                writer.write(example.SerializeToString())
    return paths


def trained(
    settings: TrainerConfig, files: list[str], folder: Path, devices: int = 1, **others: Any
) -> TrainableDualEncoder:
    """Networks trained on some files, held out the same ones."""
    keras.utils.set_random_seed(settings.training.seed)
    strategy = create_strategy(Cluster(), devices)
    values = {"checkpoints": str(folder / "checkpoints"), "holdout": 0.0, **others}
    return train.train_towers(
        settings, SPEC, files, values.get("held_out", files), Cluster(), strategy,
        str(folder / "run"),
        values["checkpoints"], values["holdout"], values.get("exports"),
    ).model  # fmt: skip


def forget(settings: TrainerConfig, files: list[str], folder: Path) -> None:
    """Remove the checkpoints of a run, as who has written its model does."""
    place = train.checkpoint_folder(settings, files, str(folder / "checkpoints"))
    Checkpoints(place, []).remove()


def weights(model: TrainableDualEncoder) -> list[np.ndarray]:
    return [np.array(each) for each in model.get_weights()]
