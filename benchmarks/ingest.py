"""How fast and with how much memory do pairs become training-ready examples?

    .venv/bin/python -m benchmarks.ingest [--no-memory]

2,000 JPEGs of 640x480 pixels, quality 90, in local files, come out as images of 224 pixels: ours by
ingest and Transform, img2dataset's (in an environment of its own, below runs/) by its resize with
a border and its encoder at the same quality. simplejpeg decodes the same files on one thread. Each
takes turns with the others; medians are quoted. The start of a process, imports above all, is left
out of both: ours by timing the nodes, theirs by taking off the time it takes for one image.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import simplejpeg

from benchmarks import machine
from benchmarks.ingest_data import write_photos

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "runs" / "benchmark-ingest"
PEER = "img2dataset==1.47.0"
PHOTOS, FEW, ROUNDS = 2_000, 200, 3
SIZE, QUALITY = 224, 95
SMALL, LARGE = 10_000, 40_000


def main() -> None:
    """Print pairs per second, ratios and peaks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-memory", action="store_true", help="leave the 40,000 pairs out")
    options = parser.parse_args()
    print(machine.describe())
    photos = write_photos(SCRATCH / "photos", PHOTOS)
    few = write_photos(SCRATCH / "few", FEW)
    one = write_photos(SCRATCH / "one", 1)
    peer = _peer()
    rounds = [
        (_ours(photos), _ours(few), _theirs(peer, photos), _theirs(peer, one), _decode(photos))
        for _ in range(ROUNDS)
    ]
    for nodes, fewer, *_ in rounds:
        print(f"  ours, by node: {nodes['seconds']}; {FEW} pairs: {fewer['seconds']}")
    ours = [sum(each[0]["seconds"].values()) for each in rounds]
    more = [a - sum(r[1]["seconds"].values()) for a, r in zip(ours, rounds, strict=True)]
    theirs = [each[2] - each[3] for each in rounds]
    decode = [each[4] for each in rounds]
    cores = len(os.sched_getaffinity(0))
    median = statistics.median
    print(f"ours, ingest + Transform    {PHOTOS / median(ours):8.0f} pairs/s")
    print(f"  beyond the first {FEW}       {(PHOTOS - FEW) / median(more):8.0f} pairs/s")
    print(f"{PEER}         {PHOTOS / median(theirs):8.0f} pairs/s")
    print(f"simplejpeg, one thread      {PHOTOS / median(decode):8.0f} images/s")
    _ratio("ours / img2dataset", [t / o for t, o in zip(theirs, ours, strict=True)], 1.0)
    _ratio("ours / cores x decode", [d / o / cores for d, o in zip(decode, ours, strict=True)], 0.7)
    share = (PHOTOS - FEW) / PHOTOS
    marginal = list(zip(theirs, decode, more, strict=True))
    _ratio("  beyond the first: / img2dataset", [t * share / m for t, _, m in marginal], 1.0)
    _ratio("  beyond the first: / decode", [d * share / m / cores for _, d, m in marginal], 0.7)
    if not options.no_memory:
        _memory()


def _ratio(name: str, ratios: list[float], aim: float) -> None:
    print(f"{name:36} {statistics.median(ratios):.2f}   (aim: at least {aim})")


def _ours(folder: Path) -> dict:
    return _program(folder, SIZE)


def _program(folder: Path, max_side: int) -> dict:
    program = [sys.executable, "-m", "benchmarks.ingest_program", str(folder), str(max_side)]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(ended.stderr[-3000:])
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def _peer() -> Path:
    """An environment with the peer alone."""
    folder = SCRATCH / "peer"
    if not (folder / "bin" / "img2dataset").exists():
        uv = [str(ROOT / ".venv/bin/uv")]
        subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
        install = [*uv, "pip", "install", "-q", "--python", str(folder / "bin/python")]
        subprocess.run([*install, PEER, "setuptools<81"], check=True)
    return folder / "bin" / "img2dataset"


def _theirs(peer: Path, folder: Path) -> float:
    out = SCRATCH / "peer-out"
    subprocess.run(["rm", "-rf", str(out)], check=True)
    cores = len(os.sched_getaffinity(0))
    options = {
        "url_list": folder / "urls.csv", "input_format": "csv", "url_col": "url",
        "caption_col": "caption", "output_folder": out, "output_format": "webdataset",
        "image_size": SIZE, "resize_mode": "border", "encode_quality": QUALITY,
        "processes_count": cores, "thread_count": 16 * cores, "number_sample_per_shard": 500,
        "enable_wandb": False, "compute_hash": "None",
    }  # fmt: skip
    started = time.perf_counter()
    subprocess.run(
        [str(peer), *(f"--{name}={value}" for name, value in options.items())],
        check=True, capture_output=True,
        env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"},
    )  # fmt: skip
    took = time.perf_counter() - started
    done = sum(json.loads(f.read_text())["successes"] for f in out.glob("*_stats.json"))
    wanted = len((folder / "urls.csv").read_text().splitlines()) - 1
    if done != wanted:
        sys.exit(f"img2dataset wrote {done} of {wanted} images")
    return took


def _decode(folder: Path) -> float:
    images = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    started = time.perf_counter()
    for image in images:
        simplejpeg.decode_jpeg(image)
    return time.perf_counter() - started


def _memory() -> None:
    peaks = {}
    for count in (SMALL, LARGE):
        folder = write_photos(SCRATCH / f"memory-{count}", count, (320, 240))
        peaks[count] = _program(folder, 2**15)["peak_mb"]
        print(f"peak memory at {count:,} pairs of 320x240, kept as received: {peaks[count]:,} MB")
    ratio = peaks[LARGE] / peaks[SMALL]
    print(f"ratio {ratio:.2f}   (aim: at most 1.3)")


if __name__ == "__main__":
    main()
