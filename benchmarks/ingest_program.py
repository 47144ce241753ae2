"""Ingest and Transform of a folder's pairs.jsonl, in a process of their own.

python -m benchmarks.ingest_program FOLDER MAX_SIDE prints one line of JSON: seconds by node, peak.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pipeline import create_pipeline
from pipeline.config import run_config
from pipeline.local import runner

NODES = ("ImageTextExampleGen", "Transform")
VALUES = {
    "name": "benchmark",
    "workspace": "runs",
    "image": {"size": 224, "encoding": "jpeg"},
    "evaluation": {"gates": [{"metric": "text_to_image_mrr", "at_least": 0.0}]},
    "push": {"path": "serving"},
}


def main() -> None:
    """Run both nodes and tell."""
    folder, max_side = Path(sys.argv[1]), int(sys.argv[2])
    sys.argv = sys.argv[:1]
    data = {
        "path": str(folder),
        "files": "pairs.jsonl",
        "splits": {"train": 0.9, "eval": 0.1},
        "max_side": max_side,
    }
    began: dict[str, float] = {}
    took: dict[str, float] = {}

    def listen(node: str, state: str) -> None:
        if state == "started":
            began[node] = time.perf_counter()
        else:
            took[node] = round(time.perf_counter() - began[node], 2)

    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
        file = Path(scratch, "config.yaml")
        loaded = run_config.parse({**VALUES, "data": data}, file)
        built = create_pipeline.data_pipeline(loaded, f"{scratch}/artifacts", transform=True)
        runner.run(built, Path(loaded.workspace), listen)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": {node: took[node] for node in NODES}, "peak_mb": peak}))


if __name__ == "__main__":
    main()
