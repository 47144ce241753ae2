"""Quality on the stamps example: pretrained towers with fitted heads, and towers from scratch.

.venv/bin/python -m benchmarks.stamps              five seeds of examples/stamps/config.yaml
.venv/bin/python -m benchmarks.stamps --scratch    one seed of small new towers instead

A seed draws the held-out fifth of the pictures and all random numbers of the training. A run is a
whole pipeline. The pictures are those that `make photos` has fetched; PICTURES names others.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

from benchmarks import machine
from benchmarks.run_figures import text_to_image

ROOT = Path(__file__).resolve().parent.parent
STAMPS = ROOT / "examples" / "stamps"
DIPTYCH = Path(sys.executable).with_name("diptych")
PACKAGE = ROOT / "runs" / "stamps" / "package" / "usr" / "share" / "tuxpaint" / "stamps"
FROM_SCRATCH = {
    "image": {"size": 64},
    "text": {"vocabulary_size": 2000, "max_tokens": 48, "max_captions": 1},
    "model": {
        "image_tower": {"kind": "convnet", "widths": [48, 96, 192], "dropout": 0.3},
        "text_tower": {"kind": "bag", "width": 256},
        "embedding_dim": 256,
    },
    "augment": {"brightness": 0.0, "contrast": 0.0, "colour": 0.2},
    "training": {"epochs": 200, "batch_size": 128, "learning_rate": 0.004},
}


def config_of(scratch: Path, seed: int, from_scratch: bool) -> Path:
    """Write the config of one run below a scratch folder, with a gate that always holds."""
    config: dict[str, Any] = yaml.safe_load((STAMPS / "config.yaml").read_text("utf-8"))
    if from_scratch:
        config |= FROM_SCRATCH
    config["workspace"] = str(scratch / "workspace")
    config["data"]["path"] = str(scratch / "data")
    config["push"] = {"path": str(scratch / "serving")}
    config["training"] = {**config["training"], "seed": seed}
    config["evaluation"]["gates"] = [{"metric": "text_to_image_recall_at_1", "at_least": 0.0}]
    config["portable"] = None  # files for other programs, which change no recall
    config.pop("index")
    path = scratch / "config.yaml"
    path.write_text(yaml.safe_dump(config), "utf-8")
    return path


def measure(seed: int, from_scratch: bool) -> tuple[float, float, float]:
    """Run once; recall@1 and recall@10 of text to image, and seconds of the whole run."""
    # A folder of programs, no package: they run by themselves in `make photos`.
    sys.path.insert(0, str(STAMPS))
    from pictures import read_pictures, write_data  # type: ignore[import-not-found]

    pictures, _ = read_pictures(Path(os.environ.get("PICTURES", PACKAGE)))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        write_data(pictures, scratch / "data", share=0.2, seed=seed)
        config = config_of(scratch, seed, from_scratch)
        started = time.monotonic()
        done = subprocess.run([DIPTYCH, "run", config], stdout=subprocess.PIPE, text=True)
        seconds = time.monotonic() - started
    return *text_to_image(done.stdout), seconds


def main() -> None:
    """Print recall and seconds of each seed, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scratch", action="store_true", help="small new towers")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 to 4, or 0 with --scratch")
    arguments = parser.parse_args()
    seeds = arguments.seeds or ([0] if arguments.scratch else list(range(5)))
    print(machine.describe())
    results = []
    for seed in seeds:
        results.append(measure(seed, arguments.scratch))
        print("seed {}: recall@1 {:.3f}, recall@10 {:.3f}, {:.0f} s".format(seed, *results[-1]))
    columns = zip(*results, strict=True)
    for name, values in zip(("recall@1", "recall@10", "seconds"), columns, strict=True):
        spread = stdev(values) if len(values) > 1 else 0.0
        print(f"{name:9} mean {mean(values):.3f}, standard deviation {spread:.3f}")


if __name__ == "__main__":
    main()
