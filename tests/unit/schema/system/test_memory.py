"""The peak of memory: of this process, also between two samples, and of its children."""

import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

from schema.system import memory
from schema.system.memory import PeakMemory, tree_bytes
from tests.support.paths import ROOT

MB = 1_000_000
BEGINNING = """
import os
import numpy as np
from schema.system import memory
from schema.system.memory import PeakMemory, high_water_bytes, tree_bytes
MB = 1_000_000
"""


def own_bytes() -> int:
    """Resident memory as another file of the kernel has it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_the_memory_of_this_process():
    before = tree_bytes(os.getpid())
    with mmap.mmap(-1, 80 * MB) as kept:  # an allocator might serve it from memory freed before
        kept.write(b"x" * 80 * MB)
        after = tree_bytes(os.getpid())
        own = own_bytes()
    assert before is not None
    assert after is not None
    assert after - before > 70 * MB
    assert after >= 0.98 * own


def in_a_new_process(program: str) -> list[int]:
    """Return the numbers that a program prints; in this process, the peak is of all tests."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{BEGINNING}{program}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(number) for number in ended.stdout.split()]


def test_a_short_peak_between_two_samples():
    high, after, peak = in_a_new_process("""
memory.SECONDS_BETWEEN_SAMPLES = 600.0
high = high_water_bytes()
size = high - tree_bytes(os.getpid()) + 60 * MB  # more than this process has ever had
measured = PeakMemory()
np.ones(size, np.uint8)
print(high, tree_bytes(os.getpid()), measured.stop())
""")
    assert after < high + 30 * MB
    assert peak >= high + 40 * MB


def test_an_earlier_peak_does_not_count():
    size, peak = in_a_new_process("""
size = high_water_bytes() + 60 * MB
np.ones(size, np.uint8)
measured = PeakMemory()
print(size, measured.stop())
""")
    assert peak < size


def test_children_count():
    measured = PeakMemory()
    kept = "import sys; kept = bytearray(150_000_000); print(); sys.stdin.read()"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {kept!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        before = own_bytes()
        peak = measured.stop()
        child.stdin.close()
    assert peak is not None
    assert peak - before > 140 * MB


def test_without_proc_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "PROC", tmp_path)
    assert PeakMemory().stop() is None


def test_sampling_takes_little():
    began, spent = time.perf_counter(), time.process_time()
    for _ in range(5):
        tree_bytes(os.getpid())
    assert (time.process_time() - spent) / 5 < 0.1
    assert time.perf_counter() - began < 5
