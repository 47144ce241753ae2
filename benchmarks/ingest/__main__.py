"""How fast do pairs become training-ready examples, beside img2dataset and beside bare decoding?

    .venv/bin/python -m benchmarks.ingest [--photos 10000] [--rounds 3]

JPEGs of 640x480 pixels, quality 90, in local files, come out as images of 224 pixels: ours by
ingest and Transform, img2dataset's (in an environment of its own, below runs/) by its resize with
a border and its encoder at the same quality. simplejpeg decodes the same files on one thread. They
take turns; medians are quoted. The start of a process, imports above all, is left out of both:
ours by timing the nodes, theirs by taking off the time it takes for one image. Set-up is what the
nodes take beyond a constant time a pair, from two runs of different size.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import median

import simplejpeg

from benchmarks import machine
from benchmarks.ingest import peer
from benchmarks.ingest.data import write_photos
from benchmarks.ingest.program import SCRATCH, Measured, ingest_and_transform

FEW = 200
SIZE, QUALITY = 224, 95


def main() -> None:
    """Print pairs per second and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(machine.describe())
    count = options.photos
    photos = write_photos(SCRATCH / f"photos-{count}", count)
    few = write_photos(SCRATCH / "few", FEW)
    one = write_photos(SCRATCH / "one", 1)
    ours, fewer, theirs, decoding = [], [], [], []
    for _ in range(options.rounds):
        ours.append(_ours(photos))
        fewer.append(_ours(few))
        theirs.append(
            peer.seconds(photos, SIZE, QUALITY, SCRATCH) - peer.seconds(one, SIZE, QUALITY, SCRATCH)
        )
        decoding.append(_decode(photos))
        print(f"  ours, by node: {ours[-1].seconds}; {FEW} pairs: {fewer[-1].seconds}", flush=True)
    whole = [run.total for run in ours]
    beyond = [large.total - small.total for large, small in zip(ours, fewer, strict=True)]
    of_a_pair = [seconds / (count - FEW) for seconds in beyond]
    set_up = [small.total - FEW * each for small, each in zip(fewer, of_a_pair, strict=True)]
    cores = len(os.sched_getaffinity(0))
    print(f"ours, ingest + Transform    {count / median(whole):8.0f} pairs/s")
    print(f"  beyond set-up             {1 / median(of_a_pair):8.0f} pairs/s")
    print(f"  set-up of both nodes      {median(set_up):8.1f} s   (asked: 4, aim: 2.5)")
    print(f"{peer.PACKAGE}         {count / median(theirs):8.0f} pairs/s")
    print(f"simplejpeg, one thread      {count / median(decoding):8.0f} images/s")
    _ratio("ours / img2dataset", [t / o for t, o in zip(theirs, whole, strict=True)], 1.0, 1.3)
    _ratio(
        f"beyond set-up / simplejpeg on {cores} cores",
        [d / count / cores / each for d, each in zip(decoding, of_a_pair, strict=True)],
        0.35,
        0.6,
    )


def _ratio(name: str, ratios: list[float], asked: float, aim: float) -> None:
    print(f"{name:36} {median(ratios):.2f}   (asked: {asked}, aim: {aim})")


def _ours(folder: Path) -> Measured:
    return ingest_and_transform(folder, {"files": "pairs.jsonl"}, SIZE)


def _decode(folder: Path) -> float:
    """Decode in full on one thread, read before; seconds."""
    images = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    started = time.perf_counter()
    for image in images:
        simplejpeg.decode_jpeg(image)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
