"""img2dataset on the same photos, in an environment of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.ingest.environment import program

PACKAGE = "img2dataset==1.47.0"


def seconds(folder: Path, size: int, quality: int, scratch: Path) -> float:
    """Let img2dataset shrink the photos of a folder; return the seconds of the whole process."""
    out = scratch / "peer-out"
    subprocess.run(["rm", "-rf", str(out)], check=True)
    cores = len(os.sched_getaffinity(0))
    options = {
        "url_list": folder / "urls.csv", "input_format": "csv", "url_col": "url",
        "caption_col": "caption", "output_folder": out, "output_format": "webdataset",
        "image_size": size, "resize_mode": "border", "encode_quality": quality,
        "processes_count": cores, "thread_count": 16 * cores, "number_sample_per_shard": 500,
        "enable_wandb": False, "compute_hash": "None",
    }  # fmt: skip
    img2dataset = program(scratch / "peer", "img2dataset", PACKAGE, "setuptools<81")
    started = time.perf_counter()
    subprocess.run(
        [str(img2dataset), *(f"--{name}={value}" for name, value in options.items())],
        check=True, capture_output=True,
        env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"},
    )  # fmt: skip
    took = time.perf_counter() - started
    done = sum(json.loads(f.read_text())["successes"] for f in out.glob("*_stats.json"))
    wanted = len((folder / "urls.csv").read_text().splitlines()) - 1
    if done != wanted:
        sys.exit(f"img2dataset wrote {done} of {wanted} images")
    return took
