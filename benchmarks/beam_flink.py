"""Ingest and Transform of many pairs on a Flink with two task slots, beside the local runner.

    .venv/bin/python -m benchmarks.beam_flink [--pairs 20000]

Flink runs inside Beam's job server on this machine, and its workers are threads of the submitting
process, as the local runner's one worker is. The pairs are the emoji again and again, each
with one caption of its own. Each runner gets a process, one after the other.
"""

import argparse
import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import yaml

from benchmarks import machine
from components.example_gen.rows import Row
from tests.support.flink.job_server import find_jar, job_server
from tests.support.small_run import read_shard

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "examples" / "emoji" / "shards").glob("*.tar.gz"))
SHARDS, PARALLELISM = 8, 2
STAGES = ("ImageTextExampleGen", "Transform")
FLINK = {"runner": "flink", "parallelism": PARALLELISM, "environment": {"kind": "loopback"}}


def write_data(folder: Path, count: int) -> None:
    """The shards of one split, `train-*.tar`."""
    folder.mkdir()
    records = [record for path in SOURCES for record in read_shard(str(path))]
    pairs = itertools.islice(itertools.cycle(records), count)
    with contextlib.ExitStack() as stack:
        tars = [
            stack.enter_context(tarfile.open(folder / f"train-{n}.tar", "w")) for n in range(SHARDS)
        ]
        for number, record in enumerate(pairs):
            for name, body in members(record, number):
                info = tarfile.TarInfo(name)
                info.size = len(body)
                tars[number % SHARDS].addfile(info, io.BytesIO(body))


def members(record: Row, number: int) -> Iterator[tuple[str, bytes]]:
    """The two files of a pair."""
    key = f"{number:06d}"
    assert record.image is not None
    yield f"{key}.png", record.image
    meta = {"captions": [f"{record.captions[0]!s} {number}"], "attributes": {}}
    yield f"{key}.json", json.dumps(meta).encode()


def seconds(folder: Path, name: str, beam: dict[str, Any]) -> dict[str, float]:
    """Run the stages; seconds by node."""
    values = {
        "name": "pairs",
        "workspace": name,
        "data": {"path": "data", "splits": {"train": "train-*.tar"}},
        "evaluation": {
            "split": "train",
            "gates": [{"metric": "text_to_image_mrr", "at_least": 0.0}],
        },
        "push": {"path": "serving"},
        "beam": beam,
    }
    config, written = folder / f"{name}.yaml", folder / f"{name}.json"
    config.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "tests.support.flink.program", str(config), str(written)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(done.stdout.decode()[-3000:])
    seconds: dict[str, float] = json.loads(written.read_text())["seconds"]
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=20_000)
    count = parser.parse_args().pairs
    print(machine.describe())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_data(folder / "data", count)
        local = seconds(folder, "local", {"runner": "local"})
        with job_server(find_jar(), folder / "job-server") as address:
            flink = seconds(folder, "flink", {**FLINK, "job_endpoint": address})
    print(f"{count:,} pairs in {SHARDS} shards; seconds in memory, on Flink, and the ratio")
    for stage in STAGES:
        print(f"{stage:20}{local[stage]:7.1f}{flink[stage]:7.1f}{flink[stage] / local[stage]:7.2f}")
    both = [sum(found[stage] for stage in STAGES) for found in (local, flink)]
    print(f"{'together':20}{both[0]:7.1f}{both[1]:7.1f}{both[1] / both[0]:7.2f}")


if __name__ == "__main__":
    main()
