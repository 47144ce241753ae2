"""ONNX Runtime sends nothing to anyone."""

import os
import subprocess
import sys

THREADS = """
import os, components.tower_converter, onnxruntime
print(len(os.listdir("/proc/self/task")))
"""


def test_no_thread_of_telemetry_runs():
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-c", THREADS],
        env={**kept, "OPENBLAS_NUM_THREADS": "1"},  # without CI, which turns telemetry off, too
        capture_output=True,
        check=True,
        text=True,
    )
    assert ended.stdout == "1\n"
