"""The demo as a person runs it: time, memory, recall; then again with nothing changed.

.venv/bin/python -m benchmarks.demo
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.run_figures import text_to_image

ROOT = Path(__file__).resolve().parent.parent
EMOJI = ROOT / "examples" / "emoji"
DIPTYCH = Path(sys.executable).with_name("diptych")


def resident(pid: int) -> int:
    """Bytes resident in a process and its descendants; pages they share count once each."""
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1])
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            pass  # it ended while we looked
    return total * os.sysconf("SC_PAGE_SIZE")


def measure(config: Path) -> tuple[float, int, str]:
    """Run once; seconds, peak bytes and what was printed."""
    peak, done = 0, threading.Event()
    started = time.monotonic()
    with subprocess.Popen([DIPTYCH, "run", config], stdout=subprocess.PIPE, text=True) as process:

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.2):
                peak = max(peak, resident(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            printed += line
        process.wait()
        done.set()
        watcher.join()
    return time.monotonic() - started, peak, printed


def main() -> None:
    """Run twice in a scratch workspace and print the figures beside the aims."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(EMOJI / "shards", Path(scratch, "shards"))
        config = Path(scratch, "config.yaml")
        config.write_text((EMOJI / "config.yaml").read_text().replace("../../runs", "runs"))
        first, peak, printed = measure(config)
        again, _, reprinted = measure(config)
    recall_1, recall_10 = text_to_image(printed)
    cached = len(re.findall(r": cached", reprinted))
    print(f"\n{machine.describe()}")
    print(f"first run               {first:6.0f} s     (aim: at most 360)")
    print(f"peak memory             {peak / 2**30:6.2f} GiB   (aim: at most 4)")
    print(f"text to image recall@1  {recall_1:6.3f}       (at least 0.40, aim 0.60)")
    print(f"text to image recall@10 {recall_10:6.3f}       (at least 0.75, aim 0.80)")
    print(
        f"again, nothing changed  {again:6.0f} s     (aim: at most 40), {cached} of 14 nodes cached"
    )


if __name__ == "__main__":
    main()
