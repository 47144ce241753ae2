"""One small real run, shared: importing TFX takes half a minute and so does a pipeline."""

import dataclasses
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tests.support.paths import ROOT

SHARDS = ROOT / "examples" / "emoji" / "shards"
TRAIN_RECORDS, EVAL_RECORDS = 240, 90


def read_shard(path: str) -> list[Any]:
    """The rows of a WebDataset shard of which every record can be used."""
    from components.example_gen.readers import webdataset
    from components.example_gen.readers.registry import ReadOptions
    from components.example_gen.rows import Row

    rows = list(webdataset.read(path, 0, ReadOptions()))
    assert all(isinstance(row, Row) for row in rows)
    return rows


def write_shard(path: Path, records: list[Any]) -> None:
    """Records as `read_shard` gives them, as a WebDataset shard again."""
    with tarfile.open(path, "w") as tar:
        for record in records:
            meta = {"captions": record.captions, "attributes": record.attributes}
            for suffix, body in (("png", record.image), ("json", json.dumps(meta).encode())):
                info = tarfile.TarInfo(f"{record.key}.{suffix}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))


def small_values() -> dict[str, Any]:
    """A config of the small run, relative to its own folder."""
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
        "index": {},
        "push": {"path": "serving"},
    }


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two train shards and one eval shard of real emoji.

    Each whole run of the tests is below it, and so shows that such a name can be worked with.
    """
    folder = tmp_path_factory.mktemp("C# x%20y") / "data"
    write_small_data(folder)
    return folder


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


@dataclasses.dataclass
class SmallRun:
    """A whole run and its rerun, in this process."""

    folder: Path
    config: Any
    outcomes: dict[str, str]
    outputs: dict[str, dict[str, list[Any]]]
    events: list[tuple[str, str]]
    progress: list[dict[str, Any]]
    rerun_outcomes: dict[str, str]
    served: Any  # trainer.export.saved_models.Served as the trainer held it, before it was written

    @property
    def release(self) -> Path:
        """The shipped joint SavedModel."""
        return self.folder / "serving" / "releases" / "1" / "joint" / "1"


@pytest.fixture(scope="session")
def small_run(small_data: Path) -> SmallRun:
    """Run the pipeline twice on the small data."""
    from pipeline.config import run_config as config
    from pipeline.create_pipeline import create_pipeline
    from pipeline.local import runner
    from pipeline.local.display import Listener
    from trainer.export import saved_models

    folder = small_data.parent
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(small_values()))
    loaded = config.load(file)
    workspace = Path(loaded.workspace)
    kept: list[Any] = []
    events: list[tuple[str, str]] = []
    progress: list[dict[str, Any]] = []

    write = saved_models.export

    def keep_and_write(served: Any, where: str) -> None:
        kept.append(served)
        write(served, where)

    def once(listen: runner.Listener) -> tuple[dict[str, Any], dict[str, Any]]:
        built = create_pipeline(loaded, str(workspace / "artifacts"))
        return runner.run(built, workspace, listen)

    with pytest.MonkeyPatch.context() as patch, Listener(progress.append):
        patch.setattr(saved_models, "export", keep_and_write)
        outcomes, outputs = once(lambda *event: events.append(event))
        rerun_outcomes, _ = once(lambda *_: None)
    return SmallRun(
        folder, loaded, dict(outcomes), outputs, events, progress, dict(rerun_outcomes), kept[0]
    )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A config, a compiled package and a Kubeflow Pipelines of its own."""
    from tests.support.kfp.desk import desk_at
    from tests.support.kfp.server import serve

    with serve() as server:
        yield desk_at(tmp_path, server, monkeypatch)
