"""A run whose nodes are all cached: the time of `diptych run` when nothing has changed.

.venv/bin/python -m benchmarks.cached_run examples/emoji/config.yaml
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import machine

DIPTYCH = Path(sys.executable).with_name("diptych")


def measure(config: Path) -> tuple[float, float]:
    """Run once; seconds of the clock and of the CPUs."""
    started, before = time.monotonic(), os.times()
    done = subprocess.run([DIPTYCH, "run", config], capture_output=True, text=True, check=True)
    after, took = os.times(), time.monotonic() - started
    repeated = re.findall(r"^(\w+): ran", done.stdout.replace("set-up", "setup"), re.MULTILINE)
    if repeated != ["setup"]:
        raise SystemExit(f"not cached, so run it once more: {', '.join(repeated[1:])}")
    used = after.children_user + after.children_system
    return took, used - before.children_user - before.children_system


def main() -> None:
    """Print the median of five reruns beside the aims."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path, help="of a run that has ended")
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    clock, used = zip(*(measure(given.config) for _ in range(given.times)), strict=True)
    print(machine.describe())
    print(
        f"nothing changed, all nodes cached: {statistics.median(clock):.1f} s, of the CPUs "
        f"{statistics.median(used):.1f} s (asked 6, aim 4)"
    )


if __name__ == "__main__":
    main()
