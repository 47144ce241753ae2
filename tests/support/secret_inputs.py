"""Data and a config that hold marked secrets, for `tests.e2e.secrets`."""

import csv
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.config.data import DataConfig
from tests.support.secret_values import Marks
from tests.support.small_run import SHARDS, read_shard, small_values

TRAIN, EVAL, REFUSED = 160, 80, 3
NOT_THERE = "127.0.0.1:9"  # nobody listens at the port `discard`

marks = Marks()


def write_data(folder: Path, host: str) -> dict[str, bytes]:
    """Tables of signed URLs; returns the files that a web server must have."""
    folder.mkdir(parents=True)
    served: dict[str, bytes] = {}
    eval_rows = list(read_shard(str(SHARDS / "eval-00000.tar.gz")))[:EVAL]
    names = {row.attributes["name"] for row in eval_rows}
    drawn = (r for path in sorted(SHARDS.glob("train-*")) for r in read_shard(str(path)))
    train_rows = [row for row in drawn if row.attributes["name"] in names][:TRAIN]
    for split, rows in (("train", train_rows), ("eval", eval_rows)):
        served[f"/{split}"] = served[f"/{split}/"] = b""  # a listing of nothing
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "caption"))
            for number, row in enumerate(rows):
                path = f"/{split}/{number}.png"
                served[path] = row.image
                token = quote(marks["signature"], safe="")
                writer.writerow((f"http://{host}{path}?sig={token}", row.captions[0]))
            for number in range(REFUSED):
                user = quote(marks["user info"], safe="")
                token = quote(marks["token"], safe="")
                url = f"http://somebody:{user}@{host}/closed/{number}.png?access_token={token}"
                writer.writerow((url, f"closed {number}"))
    return served


def values(folder: Path, host: str, **changes: Any) -> dict[str, Any]:
    """A small config whose registry has a password."""
    data: dict[str, Any] = {
        "path": str(folder / "inputs"),
        "splits": {"train": "train.csv", "eval": "eval.csv"},
        "max_quarantined": 0.2,
    }
    if "allow" in DataConfig.model_fields:
        data["allow"] = [f"http://{host}"]
    here = folder / "here"
    return small_values() | {
        "workspace": str(here / "runs"),
        "push": {"path": str(here / "serving")},
        "data": data,
        "training": {"epochs": 1, "batch_size": 40, "warmup_steps": 1},
        "evaluation": {"gates": [{"metric": "text_to_image_mrr", "at_least": 0.0}]},
        "serving_check": {"latency_calls": 5},
        "registry": {
            "uri": f"sqlite+pysqlite:///file:{here}/mlflow.db?uri=true"
            "&password=${REGISTRY_PASSWORD}"
        },
        **changes,
    }


def literal(kept: dict[str, Any], keys: str, value: Any) -> dict[str, Any]:
    """The config with a value at a dotted key."""
    first, _, rest = keys.partition(".")
    inner = literal(dict(kept.get(first) or {}), rest, value) if rest else value
    return {**kept, first: inner}
