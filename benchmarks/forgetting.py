"""Fine-tune the emoji on a fifth vendor: how much old recall is kept, and how much of the gain.

    .venv/bin/python -m benchmarks.forgetting data      # ingest and transform, once
    .venv/bin/python -m benchmarks.forgetting release   # train the release to start from, once
    .venv/bin/python -m benchmarks.forgetting tune [--seeds 5] [--first-seed 0]
    .venv/bin/python -m benchmarks.forgetting summary

`tune` keeps a file for each seed, so that it can be done in parts; `summary`, which `tune` ends
with, reads all of them.

The release learns noto, noto-v1 and twemoji, and is evaluated on emojione, a style that it has not
seen: these are the old data. Half of the pictures of fluent-emoji-flat, by a hash of their names,
fine-tune it, and the gain is measured on the other half. All recalls are text to image, recall@1,
of names and keywords among all images of the data set.

Plain fine-tuning learns from all of its half; `fine_tune` holds a share back by which the mix is
chosen, with the gate that recall@1 on the old data must not fall by more than `--allowed`.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import yaml

from benchmarks import machine
from pipeline.config.run_config import RunConfig, parse
from trainer.config.trainer import TrainerConfig
from trainer.export import saved_models
from trainer.models.dual_encoder import DualEncoder
from trainer.training import train
from trainer.training.data import retrieval_sample
from trainer.training.data.retrieval_sample import Sample, recall
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster
from trainer.training.fine_tuning.mixing_curve import HELD_OUT, Limit, Retained
from trainer.training.performance.cpu import keep_freed_memory

ROOT = Path(__file__).parent.parent
PLACE = ROOT / "runs" / "benchmarks" / "forgetting"
SEEDS = PLACE / "seeds"  # recalls of each one, in JSON
OLD, NEW = "emojione", "fluent-emoji-flat"
SPLITS = ("train", "eval", "old", "new")  # `eval` is the other half of the new vendor
MANY = 10_000  # more records than a data set has
TUNING = {"epochs": 40, "batch_size": 128, "learning_rate": 0.001}
EPOCHS_OF_RELEASE = 40


def main() -> None:
    """Do one of the parts; each takes less than five minutes on two cores."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("data", "release", "tune", "summary"))
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--allowed", type=float, default=0.02)
    options = parser.parse_args()
    keep_freed_memory()
    if options.part == "data":
        _ingest()
    elif options.part == "release":
        _train_release()
    elif options.part == "tune":
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            _tune(seed, options.allowed)
        _summarise(options.allowed)
    else:
        _summarise(options.allowed)


def _config() -> RunConfig:
    values = yaml.safe_load((ROOT / "examples" / "emoji" / "config.yaml").read_text())
    del values["kubeflow"], values["index"]
    values |= {"workspace": "runs", "push": {"path": "serving"}}
    values["data"] |= {
        "path": "data",
        "splits": {split: f"{split}.tar" for split in SPLITS},
        "near_duplicates": {"max_removed": 1.0},
    }
    values["training"] |= {"epochs": EPOCHS_OF_RELEASE, "checkpoint_steps": 0}
    return parse(values, PLACE / "config.yaml")


def _split(vendor: str, name: str) -> str:
    if vendor == NEW:
        return ("eval", "new")[hashlib.sha256(name.encode()).digest()[0] % 2]
    return "old" if vendor == OLD else "train"


def _ingest() -> None:
    """Sort the bundled pictures into four splits, and let the pipeline transform them."""
    from pipeline.create_pipeline import data_pipeline
    from pipeline.local.run_logs import logs_of
    from pipeline.local.session import open_session
    from schema.system import disk

    (PLACE / "data").mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        tars = {
            split: stack.enter_context(tarfile.open(PLACE / "data" / f"{split}.tar", "w"))
            for split in SPLITS
        }
        for shard in sorted((ROOT / "examples" / "emoji" / "shards").glob("*.tar.gz")):
            tar = stack.enter_context(tarfile.open(shard))
            for member in tar.getmembers():
                vendor, name = member.name.split("/")
                tars[_split(vendor, Path(name).stem)].addfile(member, tar.extractfile(member))
    config = _config()
    with disk.written({}), open_session("forgetting", logs_of(config)) as here:
        artifacts = str(PLACE / "runs" / "artifacts")
        here.run(PLACE / "runs", lambda: data_pipeline(config, artifacts, transform=True))


@dataclasses.dataclass(frozen=True)
class _Data:
    """The transformed records of the last ingest."""

    transform: Any
    spec: dict
    files: dict[str, list[str]]

    def sample(self, split: str, config: TrainerConfig) -> Sample:
        read = retrieval_sample.read_sample(self.files[split], self.spec, config, most=MANY)
        assert read is not None
        return read


def _data() -> _Data:
    import tensorflow_transform as tft

    def newest(key: str) -> Path:
        folder = PLACE / "runs" / "artifacts" / "Transform" / key
        return max(folder.iterdir(), key=lambda place: int(place.name))

    transform = tft.TFTransformOutput(str(newest("transform_graph")))
    records = newest("transformed_examples")
    files = {split: sorted(map(str, (records / f"Split-{split}").iterdir())) for split in SPLITS}
    return _Data(transform, transform.transformed_feature_spec(), files)


def _trained(
    config: TrainerConfig, data: _Data, split: str, retained: Retained | None = None
) -> train.Trained:
    keras.utils.set_random_seed(config.training.seed)
    strategy = create_strategy(Cluster(), config.training.devices)
    with tempfile.TemporaryDirectory() as curves:
        return train.train_towers(
            config, data.spec, data.files[split], data.files["old"], Cluster(), strategy, curves,
            None, retained=retained,
        )  # fmt: skip


def _recall(model: DualEncoder, sample: Sample) -> float:
    embed = tf.function(model.embed_images), tf.function(model.embed_texts)
    return recall(sample.ranks(*sample.embed(*embed))[0], 1)


def _train_release() -> None:
    import tensorflow_text  # noqa: F401  registers the ops of the transform graph

    data, config = _data(), _config().for_trainer()
    shutil.rmtree(SEEDS, ignore_errors=True)  # they started from another release
    model = _trained(config, data, "train").model
    served = saved_models.Served(
        model, data.transform.transform_features_layer(), data.transform.raw_feature_spec()
    )
    saved_models.export(served, str(PLACE / "release"))
    for split in ("old", "new", "eval"):
        print(f"{split}: recall@1 {_recall(model, data.sample(split, config)):.3f}")


def _variants(seed: int) -> Iterator[tuple[str, TrainerConfig]]:
    own = _config().for_trainer().model_dump(mode="json")
    for tower in ("image_tower", "text_tower"):
        own["model"][tower]["weights"] = f"release:{PLACE / 'release'}"
    own["training"] |= {**TUNING, "seed": seed}
    for name, fine_tune in (("plain", None), ("mixed", {})):
        yield name, TrainerConfig.model_validate_json(json.dumps(own | {"fine_tune": fine_tune}))


def _tune(seed: int, allowed: float) -> None:
    """Fine-tune with one seed, both ways, and keep the recalls of before and after."""
    data = _data()
    recalls: dict[str, tuple[float, float]] = {}  # of the old data and of the new ones
    ratio = None
    for name, config in _variants(seed):
        old = data.sample("old", config)
        new = data.sample("eval", config)
        if not recalls:
            before = train._build_model(
                config, 1, Cluster(), create_strategy(Cluster(), config.training.devices)
            )
            recalls["before"] = _recall(before, old), _recall(before, new)
        kept = Retained({"old": data.files["old"]}, (Limit("old", HELD_OUT, worse_by=allowed),))
        trained = _trained(config, data, "new", kept)
        recalls[name] = _recall(trained.model, old), _recall(trained.model, new)
        if trained.mixing is not None:
            ratio = trained.mixing.chosen
            for point in trained.mixing.points:
                print(f"    {point}")
    SEEDS.mkdir(exist_ok=True)
    kept_of_seed = {"machine": machine.describe(), "allowed": allowed, "ratio": ratio, **recalls}
    (SEEDS / f"{seed}.json").write_text(json.dumps(kept_of_seed))


def _summarise(allowed: float) -> None:
    """Print each seed that was done, and the means of all."""
    rows = []
    for file in sorted(SEEDS.glob("*.json"), key=lambda path: int(path.stem)):
        seed = json.loads(file.read_text())
        if seed["allowed"] != allowed:
            print(f"seed {file.stem}: left out, done with --allowed {seed['allowed']:g}")
            continue
        recalls = {name: seed[name] for name in ("before", "plain", "mixed")}
        measured = ", ".join(
            f"{name}: old {o:.3f}, new {n:.3f}" for name, (o, n) in recalls.items()
        )
        print(f"seed {file.stem} ({seed['machine']}): ratio {seed['ratio']:g}; {measured}")
        rows.append(list(recalls.values()))
    if not rows:
        print("no seed is done yet")
        return
    means = np.array(rows).mean(0)
    (old_before, new_before), (old_plain, new_plain), (old_mixed, new_mixed) = means
    print(
        f"{len(rows)} seeds; old recall kept: plain {old_plain / old_before:.1%}, mixed "
        f"{old_mixed / old_before:.1%}"
    )
    print(f"gain kept: {(new_mixed - new_before) / (new_plain - new_before):.1%}")


if __name__ == "__main__":
    main()
