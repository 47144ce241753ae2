"""How do time, memory and shuffled bytes of ingest and Transform grow with pairs and workers?

    .venv/bin/python -m benchmarks.ingest.scale [--pairs 10000 40000 160000] [--workers 1 2]

Tars of 1,000 pairs, JPEGs of 320x240 pixels, come out as images of 224 pixels. Each run has a
process of its own; memory is that of the main process, whose one worker is a thread.
"""

import argparse
import os

from benchmarks import machine
from benchmarks.ingest.data import write_tars
from benchmarks.ingest.program import NODES, SCRATCH, ingest_and_transform

PHOTO = (320, 240)
SIZE = 224


def main() -> None:
    """Print a row for each run, and the ratio of peaks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 40_000, 160_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print(machine.describe())
    cores = len(os.sched_getaffinity(0))
    peaks = {}
    print("   pairs workers  ingest s  Transform s  pairs/s  by core  peak MB  shuffled bytes/pair")
    for count in options.pairs:
        folder = write_tars(SCRATCH / f"tars-{count}", count, PHOTO)
        for workers in options.workers:
            run = ingest_and_transform(folder, {"files": "*.tar"}, SIZE, workers)
            ingest, transform = run.seconds.values()
            rate = count / run.total
            print(
                f"{count:8,} {workers:7} {ingest:9.1f} {transform:12.1f} {rate:8.0f} "
                f"{rate / cores:8.0f} {run.peak_mb:8,} "
                f"{', '.join(f'{run.shuffled[node] / count:,.0f}' for node in NODES):>20}",
                flush=True,
            )
            if workers == 1:
                peaks[count] = run.peak_mb
    smallest = min(peaks, default=0)
    for count, peak in peaks.items():
        if count != smallest:
            print(f"peak at {count:,} against {smallest:,} pairs: {peak / peaks[smallest]:.2f}")


if __name__ == "__main__":
    main()
