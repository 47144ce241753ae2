"""One worker of several.

`python -m tests.support.programs.training_worker FILE`, with TF_CONFIG in the environment.

It trains on batches that its own worker's share is cut from, in settings that can be compared
with one worker, is stopped and goes on, and then calls `run_fn` as TFX would. Weights end in FILE's
folder.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from schema import features
from schema.errors import InputError
from trainer.config.trainer import TrainerConfig
from trainer.training import loop, train
from trainer.training.checkpoints import Checkpoints
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster, read_cluster
from trainer.training.optimization import optimizer
from trainer.training.preemption import Preemption
from trainer.training.serving_weights import ServingCopy
from trainer.training.step import TrainableDualEncoder

RECORDS, STEPS, SIZE, TOKENS = 12, 5, 8, 4
TEXT = {"vocabulary_size": 40, "max_tokens": TOKENS, "max_captions": 1}
SETTINGS: dict[str, dict[str, Any]] = {
    # Plain SGD, because a gradient twice too long would not show behind Adam.
    "info_nce": {
        "model": {
            "image_tower": {"kind": "convnet", "widths": [4, 8]},
            "text_tower": {"kind": "bag", "width": 8},
            "embedding_dim": 6,
        },
        "loss": {"name": "info_nce"},
    },
    "hinge": {
        "model": {
            "image_tower": {"kind": "conv", "filters": 4},
            "text_tower": {"kind": "bag", "width": 8},
            "embedding_dim": 6,
        },
        "loss": {"name": "hinge", "pairs": "all"},
    },
    # All that a step can be made of, at once; the chunks of a part of the batch are uneven.
    "cached": {
        "model": {
            "image_tower": {"kind": "conv", "filters": 4},
            "text_tower": {"kind": "bag", "width": 8},
            "embedding_dim": 6,
        },
        "loss": {"name": "sigmoid", "block": 5},
        "training": {"chunk_size": 4, "clip_norm": 0.1, "average": 0.8},
    },
}


def config(name: str) -> TrainerConfig:
    """The config of a setting; its batch holds the records of all workers."""
    training = {"batch_size": RECORDS, "epochs": 1, "warmup_steps": 1, "learning_rate": 0.01}
    values = {"image": {"size": SIZE}, "text": TEXT, **SETTINGS[name]}
    values["training"] = training | values.get("training", {})
    return TrainerConfig.model_validate_json(json.dumps(values))


def build(name: str) -> TrainableDualEncoder:
    """The compiled model of a setting, with the same weights at every call."""
    keras.utils.set_random_seed(3)
    model = TrainableDualEncoder(config(name))
    adam = optimizer.build(config(name).training, STEPS)
    model.compile(optimizer=keras.optimizers.SGD(0.1) if name == "info_nce" else adam)
    return model


def batches(cluster: Cluster) -> tf.data.Dataset:
    """The worker's part of each step's records; captions repeat within and across the parts."""
    random = np.random.default_rng(5)
    n = STEPS * RECORDS
    values = {
        features.PIXELS: random.integers(0, 256, (n, SIZE, SIZE, 3)).astype(np.float32),
        features.TOKENS: random.integers(0, 40, (n, TOKENS)),
        features.CAPTION_IDS: random.integers(1, 9, (n, 1)),
        features.CAPTION_LABELS: np.ones((n, 1), np.int64),
        features.KEY_ID: np.arange(n) % 7,
        features.CHOSEN: np.zeros(n, np.int64),
    }
    parts = tf.data.Dataset.from_tensor_slices(values).batch(RECORDS // cluster.workers)
    return parts.shard(cluster.workers, cluster.index)


def trained(
    name: str,
    strategy: tf.distribute.Strategy,
    cluster: Cluster,
    kept: Path | None = None,
    on_step: loop.OnStep = lambda *_: None,
) -> TrainableDualEncoder:
    """The model of a setting after all steps, on the devices of a strategy."""
    with strategy.scope():
        model = build(name)
        model.optimizer.build(model.trainable_variables)
    share = RECORDS // strategy.num_replicas_in_sync

    def cut(first: int) -> tf.data.Dataset:
        return batches(cluster).skip(first).rebatch(share)

    checkpoints = None if kept is None else Checkpoints(str(kept), model.changing, cluster.is_chief)
    with Preemption() as preemption:
        run = loop.Run(model, strategy, cut, STEPS, checkpoints, on_step, preemption)
        loop.run_steps(run, config(name))
    return ServingCopy(model, None).update()


def disturbed(strategy: tf.distribute.Strategy, cluster: Cluster, folder: Path) -> list[str]:
    """What this worker says when one of them stops, goes wrong, or finds other checkpoints.

    The weights after going on again end in the folder.
    """
    said = []

    def told(done: int, loss: tf.Tensor, waited: float) -> None:
        if done == 2 and cluster.index == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    def wrong(done: int, loss: tf.Tensor, waited: float) -> None:
        if done == 1 and cluster.is_chief:
            raise InputError("the loss is odd")

    mine = folder / f"mine-{cluster.index}"
    for kept, notice in (
        (folder / "kept", told),
        (None, wrong),
        (folder / "kept" if cluster.is_chief else mine, wrong),
    ):
        try:
            trained("cached", strategy, cluster, kept, notice)
        except InputError as error:
            said.append(f"{type(error).__name__}: {error}")
    model = trained("cached", strategy, cluster, folder / "kept")
    np.savez(folder / f"again-{cluster.index}.npz", *model.get_weights())
    return said


def main(file: Path) -> None:
    """Train, compare, train as TFX does."""
    content = json.loads(file.read_text())
    cluster = read_cluster(os.environ)
    strategy = create_strategy(cluster, "all")
    for name in SETTINGS:
        model = trained(name, strategy, cluster)
        np.savez(file.parent / f"{name}-{cluster.index}.npz", *model.get_weights())
    said = disturbed(strategy, cluster, file.parent)
    (file.parent / f"said-{cluster.index}.json").write_text(json.dumps(said))

    from trainer import run

    train_towers, kept = train.train_towers, []

    def keep(*arguments: Any, **named: Any) -> train.Trained:
        kept.append(train_towers(*arguments, **named))
        return kept[0]

    # A process may connect only once; and the weights are wanted of every worker.
    run.create_strategy, train.train_towers = lambda *_: strategy, keep
    run.run_fn(SimpleNamespace(**content))
    np.savez(file.parent / f"run_fn-{cluster.index}.npz", *kept[0].model.get_weights())
    print("the model is there:", os.path.exists(content["serving_model_dir"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
