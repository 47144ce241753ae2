"""Compile a package, then run it dry twice: the small pipeline of the tests, from its spec alone.

.venv/bin/python -m benchmarks.kubeflow
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks import machine
from tests.support.kubeflow_config import section
from tests.support.small_run import small_values, write_small_data

DIPTYCH = Path(sys.executable).with_name("diptych")


def timed(*arguments: str | Path) -> tuple[float, str]:
    """Run a command; seconds and what it printed."""
    started = time.monotonic()
    ended = subprocess.run([DIPTYCH, "kubeflow", *arguments], stdout=subprocess.PIPE, text=True)
    print(ended.stdout, end="", flush=True)
    if ended.returncode not in (0, 3):  # 3: a gate refused the model, as it may
        sys.exit(ended.returncode)
    return time.monotonic() - started, ended.stdout


def main() -> None:
    """Print the figures beside the aims."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_small_data(folder / "data")
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump({**small_values(), "kubeflow": section()}))
        compiled, printed = timed("compile", config, "--output", folder / "small.yaml")
        ours = re.findall(r"compiling took ([\d.]+) s", printed)[0]
        first, _ = timed("dry-run", config, "--package", folder / "small.yaml")
        second, _ = timed("dry-run", config, "--package", folder / "small.yaml")
    print(f"\n{machine.describe()}")
    print(f"compile                 {compiled:6.1f} s  (aim: at most 45), not importing: {ours} s")
    print(f"dry run, no baseline    {first:6.0f} s  (aim: at most 360)")
    print(f"dry run, a baseline     {second:6.0f} s  (aim: at most 360)")


if __name__ == "__main__":
    main()
