"""Settings that make training on a CPU faster. Free of TensorFlow."""

import ctypes
import os
from pathlib import Path

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names and values of glibc's malloc.h
LARGEST_HEAP_BLOCK = 1 << 30  # bytes


BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # of /proc/cpuinfo


def has_bfloat16(root: Path = Path("/")) -> bool:
    """Return whether the processor multiplies matrices of bfloat16, as far as Linux says."""
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.startswith("flags") and BFLOAT16_FLAGS & set(line.split()) for line in lines)


def choose_kernels() -> None:
    """Let oneDNN multiply matrices, also on a CPU for which TensorFlow itself would not.

    Without AVX-512 TensorFlow leaves oneDNN out, though a transformer's step takes a sixth less
    time with it on AVX2. A value that the user has set stands. TensorFlow reads the variable once,
    when it is imported, so call this before.
    """
    os.environ.setdefault(ONEDNN_VARIABLE, "1")


def keep_freed_memory() -> bool:
    """Serve tensors up to 1 GiB from the heap and do not give the heap back between steps.

    glibc maps every tensor above 32 MiB anew and unmaps it when it is freed; the kernel then
    clears its pages on first touch, step after step. On a CPU that costs a convolutional step 10
    to 25 % of its time. Where the C library is not glibc, this does nothing.

    Returns:
        Whether glibc accepted the setting.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(
        mallopt(M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK)
        and mallopt(M_TRIM_THRESHOLD, LARGEST_HEAP_BLOCK)
    )
