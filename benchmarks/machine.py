"""The machine a figure was measured on, in one line."""

import os
from pathlib import Path


def describe() -> str:
    """'AMD EPYC, 2 cores, 23 GiB, no GPU used'."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    cores = len(os.sched_getaffinity(0))
    return f"{names[0] if names else 'unknown CPU'}, {cores} cores, {memory:.0f} GiB, no GPU used"
