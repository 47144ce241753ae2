"""Gradient caching: memory and time of a batch of 4,096 beside one of 256.

    .venv/bin/python -m benchmarks.training.memory

A vision transformer (width 192, 6 blocks, patches of 8 at 64 pixels) and a text transformer (192,
2 blocks) learn synthetic pairs, through the real input pipeline. Each setting is a process of its
own; what counts is its peak of resident memory and, after the first step, the time a pair takes.
The two take turns, so that what else the machine does falls on both.
"""

import statistics
import sys

from benchmarks import machine
from benchmarks.training import peer

ROUNDS = 2
BATCH, CHUNK = 4096, 256


def main() -> None:
    """Print peaks, times and ratios."""
    print(machine.describe())
    direct = {"batch": CHUNK, "chunk": None, "steps": BATCH // CHUNK}
    cached = {"batch": BATCH, "chunk": CHUNK, "steps": 1}
    peaks: dict[int, list[float]] = {CHUNK: [], BATCH: []}
    ratios = []
    with (
        peer.Program(sys.executable, "memory_program", direct) as small,
        peer.Program(sys.executable, "memory_program", cached) as large,
    ):
        small.first()
        large.first()
        for _ in range(ROUNDS):
            seconds = {}
            for batch, program in ((CHUNK, small), (BATCH, large)):
                answer = program.ask({})
                peaks[batch].append(answer["peak_bytes"])
                seconds[batch] = answer["seconds"]
                print(f"batch {batch:5}: {seconds[batch] / BATCH * 1e3:6.2f} ms a pair, peak "
                      f"{answer['peak_bytes'] / 2**30:.2f} GiB")  # fmt: skip
            ratios.append(seconds[BATCH] / seconds[CHUNK])
    print(f"peak memory      {max(peaks[BATCH]) / max(peaks[CHUNK]):5.2f} times (at most 1.3)")
    print(f"time per pair    {statistics.median(ratios):5.2f} times (at most 1.45)")


if __name__ == "__main__":
    main()
