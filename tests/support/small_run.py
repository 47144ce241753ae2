"""The small run: a whole pipeline on a few hundred real emoji, made once for all test workers."""

import contextlib
import dataclasses
import fcntl
import functools
import io
import json
import pickle
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from trainer.export.saved_models import Served

SHARDS = ROOT / "examples" / "emoji" / "shards"
TRAIN_RECORDS, EVAL_RECORDS = 240, 90
RECORD = "small_run.pickle"  # written last, so that a run that failed is made again
WEIGHTS = "trained_weights.npz"


def read_shard(path: str) -> list[Any]:
    """Read the rows of a WebDataset shard of which every record can be used."""
    from components.example_gen.readers import webdataset
    from components.example_gen.readers.registry import ReadOptions
    from components.example_gen.rows import Row

    rows = list(webdataset.read(path, 0, ReadOptions()))
    assert all(isinstance(row, Row) for row in rows)
    return rows


def write_shard(path: Path, records: list[Any]) -> None:
    """Write records, as `read_shard` returns them, into a WebDataset shard."""
    with tarfile.open(path, "w") as tar:
        for record in records:
            meta = {"captions": record.captions, "attributes": record.attributes}
            for suffix, body in (("png", record.image), ("json", json.dumps(meta).encode())):
                info = tarfile.TarInfo(f"{record.key}.{suffix}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))


def small_values() -> dict[str, Any]:
    """Return the config of the small run; its paths are relative to the folder of its file."""
    return {
        "name": "small",
        "workspace": "runs",
        "data": {
            "path": "data",
            "splits": {"train": "train-*.tar", "eval": "eval-*.tar"},
            "attributes": ["vendor", "category", "name"],
        },
        "text": {"vocabulary_size": 400, "max_captions": 3},
        "model": {"image_tower": {"kind": "convnet", "widths": [8, 16]}, "embedding_dim": 32},
        "loss": {"name": "info_nce"},
        "training": {"epochs": 10, "batch_size": 40, "warmup_steps": 5, "learning_rate": 0.01},
        "evaluation": {
            "slices": ["vendor", "category", "caption_length", "aspect_ratio"],
            "zero_shot": {"attribute": "category", "templates": ["{}", "a picture of {}"]},
            "gates": [
                {"metric": "text_to_image_recall_at_10", "at_least": 0.12},
                {"metric": "text_to_image_mrr", "not_worse_than_baseline_by": 0.02},
            ],
        },
        "serving_check": {"latency_calls": 30},
        "portable": None,  # a test of its own converts the towers
        "index": {},
        "push": {"path": "serving"},
    }


def write_small_data(folder: Path) -> None:
    """Write the shards of the small run into a new folder."""
    folder.mkdir()
    held_out = list(read_shard(str(SHARDS / "eval-00000.tar.gz")))[:EVAL_RECORDS]
    names = {record.attributes["name"] for record in held_out}
    drawn = (r for path in sorted(SHARDS.glob("train-*")) for r in read_shard(str(path)))
    train = [record for record in drawn if record.attributes["name"] in names][:TRAIN_RECORDS]
    write_shard(folder / "train-0.tar", train[::2])
    write_shard(folder / "train-1.tar", train[1::2])
    write_shard(folder / "eval-0.tar", held_out)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock that one test worker at a time can have; the others wait."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclasses.dataclass
class SmallRun:
    """A whole run and its rerun, which one of the test workers has made."""

    folder: Path
    config: Any
    outcomes: dict[str, str]
    outputs: dict[str, dict[str, list[Any]]]
    events: list[tuple[str, str]]
    progress: list[dict[str, Any]]
    rerun_outcomes: dict[str, str]
    trained_config: Any  # of the networks that the trainer held in memory

    @property
    def release(self) -> Path:
        """The shipped joint SavedModel."""
        return self.folder / "serving" / "releases" / "1" / "joint" / "1"

    @functools.cached_property
    def served(self) -> "Served":
        """The model as the trainer held it before it was written: its weights, in new networks."""
        import tensorflow_text  # noqa: F401  registers the ops of the transform graph
        import tensorflow_transform as tft

        from trainer.export.saved_models import Served
        from trainer.training.step import TrainableDualEncoder

        model = TrainableDualEncoder(self.trained_config)
        with np.load(self.folder / WEIGHTS) as weights:
            model.set_weights([weights[name] for name in weights.files])
        [graph] = self.outputs["Transform"]["transform_graph"]
        transform = tft.TFTransformOutput(graph.uri)
        return Served(model, transform.transform_features_layer(), transform.raw_feature_spec())

    def examples(self, split: str) -> list[Any]:
        """Read the `tf.train.Example`s of a split that ingest wrote."""
        import tensorflow as tf

        [artifact] = self.outputs["ImageTextExampleGen"]["examples"]
        files = sorted(map(str, Path(artifact.uri, f"Split-{split}").iterdir()))
        records = tf.data.TFRecordDataset(files, compression_type="GZIP")
        return [tf.train.Example.FromString(record.numpy()) for record in records]

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield the folder for runs in its workspace, which takes one run at a time."""
        with locked(self.folder / "workspace.lock"):
            yield self.folder


def run_beside(small_run: SmallRun, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Run another config in the workspace of the small run, whose data are not ingested again.

    Args:
        small_run: whose workspace it is.
        name: of the file of the config, without its ending.
        values: the config.

    Returns:
        The artifacts by node and key.
    """
    from pipeline.config import run_config
    from pipeline.create_pipeline import create_pipeline
    from pipeline.local import runner

    file = small_run.folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(values))
    loaded = run_config.load(file)
    workspace = Path(loaded.workspace)
    built = create_pipeline(loaded, str(workspace / "artifacts"))
    with small_run.workspace():
        _, outputs = runner.run(built, workspace, lambda *_: None)
    return outputs


def make_small_run(folder: Path) -> SmallRun:
    """Run the pipeline twice on the data in a folder, and keep a record of it for other workers."""
    from pipeline.config import run_config as config
    from pipeline.create_pipeline import create_pipeline
    from pipeline.local import runner
    from pipeline.local.display import Listener
    from trainer.export import saved_models

    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(small_values()))
    loaded = config.load(file)
    workspace = Path(loaded.workspace)
    trained_configs: list[Any] = []
    events: list[tuple[str, str]] = []
    progress: list[dict[str, Any]] = []

    write = saved_models.export

    def keep_and_write(served: Any, where: str) -> None:
        model = served.image_tower._embed.__self__
        trained_configs.append(model.config)
        np.savez(folder / WEIGHTS, *model.get_weights())
        write(served, where)

    def once(listen: runner.Listener) -> tuple[dict[str, Any], dict[str, Any]]:
        built = create_pipeline(loaded, str(workspace / "artifacts"))
        return runner.run(built, workspace, listen)

    with pytest.MonkeyPatch.context() as patch, Listener(progress.append):
        patch.setattr(saved_models, "export", keep_and_write)
        outcomes, outputs = once(lambda *event: events.append(event))
        rerun_outcomes, _ = once(lambda *_: None)
    [trained_config] = trained_configs
    run = SmallRun(
        folder=folder,
        config=loaded,
        outcomes=dict(outcomes),
        outputs=outputs,
        events=events,
        progress=progress,
        rerun_outcomes=dict(rerun_outcomes),
        trained_config=trained_config,
    )
    (folder / RECORD).write_bytes(pickle.dumps(run))
    return run


def shared_data(folder: Path) -> Path:
    """Return the folder of the small run's data, written by whichever worker comes first."""
    folder.mkdir(exist_ok=True)
    with locked(folder / "data.lock"):
        if not (folder / "data" / "eval-0.tar").exists():
            shutil.rmtree(folder / "data", ignore_errors=True)
            write_small_data(folder / "data")
    return folder / "data"


def shared_run(folder: Path) -> SmallRun:
    """Return the small run in a folder, made by whichever worker comes first."""
    with locked(folder / "run.lock"):
        if (folder / RECORD).exists():
            # Unpickling imports TFX; the file is this session's own.
            return pickle.loads((folder / RECORD).read_bytes())
        for leftover in ("runs", "serving"):  # of a worker that failed
            shutil.rmtree(folder / leftover, ignore_errors=True)
        return make_small_run(folder)
