"""The data sets of each kind, and how one is ingested."""

import json
import os
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.example_gen.driver import fingerprint
from pipeline.config.data import DataConfig
from tests.support.hostile import files
from tests.support.hostile.bombs import bombs
from tests.support.hostile.files import Case, addresses, coco_nested, jsonl
from tests.support.ingest import Ingested, ingested
from trainer.config.transform import ImageConfig

LIMITS = {"connect": 1, "read": 2, "record": 3}  # seconds
REFUSED = ("outside", "missing_image", "not_a_file", "bad_metadata")


def cases(kind: str, count: int, seed: int, port: int, secret: Path) -> list[Case]:
    """All data sets of a kind."""
    if kind == "damaged":
        return files.damaged(count, seed)
    if kind == "nested":
        return [*files.nested(), *map(_coco, (100, 2_000, 100_000))]
    if kind == "address":
        named = addresses(port, secret)
        return [_rows(named), _parquet(named), *(_one(each) for each in named)]
    if kind == "hang":
        return [_hanging(port)]
    return bombs()


def ingest(case: Case, data: Path, out: Path) -> Ingested:
    """What a run does first: the driver's fingerprint, then ingest."""
    values = {"path": str(data), "splits": {"train": case.glob}, "format": case.format}
    if case.kind == "hang":
        port = json.loads((data / "ports").read_text())
        values |= {"allow": [f"http://127.0.0.1:{each}" for each in port], "timeouts": LIMITS}
    config = DataConfig.model_validate_json(json.dumps(values)).for_ingest(ImageConfig())
    fingerprint(config.path, config.patterns, config)
    return ingested(out, config)


def _links(folder: Path) -> None:
    """What a folder from elsewhere may hold beside its files."""
    (folder / "out").symlink_to("/etc")
    (folder / "passwd.png").symlink_to("/etc/passwd")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "fifo.png")
    here = os.getcwd()
    os.chdir(folder)  # a socket's path may be short only
    socket.socket(socket.AF_UNIX).bind("socket.png")
    os.chdir(here)


def _rows(named: list[str]) -> Case:
    def write(folder: Path) -> None:
        _links(folder)
        jsonl(*({"image": each, "caption": "c"} for each in named))(folder)

    return Case("address", f"{len(named)} rows of JSON Lines", write, reasons=REFUSED)


def _parquet(named: list[str]) -> Case:
    def write(folder: Path) -> None:
        _links(folder)
        rows = ["a.png", "b.png", *named]
        pq.write_table(pa.table({"image": rows, "caption": ["c"] * len(rows)}), folder / "train.pq")

    return Case("address", f"{len(named)} rows of Parquet", write, reasons=REFUSED)


def _one(address: str) -> Case:
    def write(folder: Path) -> None:
        _links(folder)
        jsonl({"image": address, "caption": "c"})(folder)

    return Case("address", repr(address), write, reasons=REFUSED)


def _coco(depth: int) -> Case:
    def write(folder: Path) -> None:
        (folder / "train.json").write_bytes(coco_nested(depth))

    return Case("nested", f"coco-{depth}", write, reasons=("bad_metadata",))


def _hanging(port: int) -> Case:
    def write(folder: Path) -> None:
        from tests.e2e.hostile_data import silent_port

        _links(folder)
        silent = silent_port()
        (folder / "ports").write_text(json.dumps([port, silent]))
        server = f"http://127.0.0.1:{port}"
        outside = ("http://169.254.169.254/", "http://localhost:1/", "file:///etc/passwd")
        rows = [f"{server}/slow", f"{server}/stalled", f"http://127.0.0.1:{silent}/x", "fifo.png"]
        rows += [f"{server}/redirect/{each}" for each in outside]
        jsonl(*({"image": each, "caption": "c"} for each in rows))(folder)

    return Case("hang", "slow, stalled and silent servers", write, reasons=(*REFUSED, "timed_out"))
