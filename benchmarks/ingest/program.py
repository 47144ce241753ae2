"""Ingest and Transform of a folder of pairs, in a process of their own.

`python -m benchmarks.ingest.program` reads a config as JSON and prints one line of JSON, a
`Measured`.
"""

import contextlib
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "runs" / "benchmark-ingest"
NODES = ("ImageTextExampleGen", "Transform")
VALUES = {
    "name": "benchmark",
    "workspace": "runs",
    "image": {"size": 224, "encoding": "jpeg"},
    "evaluation": {"gates": [{"metric": "text_to_image_mrr", "at_least": 0.0}]},
    "push": {"path": "serving"},
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a run of both nodes took.

    Attributes:
        seconds: by node.
        peak_mb: the most memory of the process in megabytes, without Beam's worker processes.
        shuffled: bytes that went into Beam's shuffles, by node.
    """

    seconds: Mapping[str, float]
    peak_mb: int
    shuffled: Mapping[str, int]

    @property
    def total(self) -> float:
        """Seconds of both nodes."""
        return sum(self.seconds.values())


def ingest_and_transform(
    folder: Path,
    data: Mapping[str, Any],
    max_side: int | None,
    workers: int = 1,
    profiler: Sequence[str] = (),
) -> Measured:
    """Run both nodes in a process of their own.

    Args:
        folder: of the data.
        data: the keys of the config's `data` section that differ from folder to folder.
        max_side: `data.max_side`; None keeps the images as received.
        workers: of Beam's local runner.
        profiler: a command that runs the program given behind it.
    """
    splits = {"splits": {"train": 0.9, "eval": 0.1}, "path": str(folder), "max_side": max_side}
    values = {**VALUES, "data": {**splits, **data}}
    if workers > 1:
        values["beam"] = {"runner": "local", "workers": workers}
    program = [*profiler, sys.executable, "-m", "benchmarks.ingest.program"]
    ended = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, input=json.dumps(values)
    )
    if ended.returncode:
        sys.exit(ended.stderr[-3000:])
    line = next(line for line in ended.stdout.splitlines()[::-1] if line.startswith("{"))
    return Measured(**json.loads(line))


def main() -> None:
    """Run both nodes and print what they took."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from pipeline import create_pipeline
    from pipeline.config import run_config
    from pipeline.local import runner

    values = json.load(sys.stdin)
    shuffled = _count_shuffled()
    before = 0
    shuffled_by: dict[str, int] = {}
    began: dict[str, float] = {}
    took: dict[str, float] = {}

    def listen(node: str, state: str) -> None:
        nonlocal before
        if state == "started":
            began[node], before = time.perf_counter(), sum(shuffled)
        else:
            took[node] = round(time.perf_counter() - began[node], 2)
            shuffled_by[node] = sum(shuffled) - before

    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
        loaded = run_config.parse(values, Path(scratch, "config.yaml"))
        built = create_pipeline.data_pipeline(loaded, f"{scratch}/artifacts", transform=True)
        runner.run(built, Path(loaded.workspace), listen)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = {node: took[node] for node in NODES}
    print(json.dumps(dataclasses.asdict(Measured(seconds, peak, shuffled_by))))


def _count_shuffled() -> list[int]:
    """Have the local runner note the bytes of what it groups by key, in the list returned."""
    from apache_beam.runners.portability.fn_api_runner.execution import GroupingBuffer

    sizes: list[int] = []
    append = GroupingBuffer.append

    def counted(self: Any, elements: bytes) -> None:
        sizes.append(len(elements))
        append(self, elements)

    GroupingBuffer.append = counted
    return sizes


if __name__ == "__main__":
    main()
