"""Measure what this machine has: cores, memory, GPUs, instruction sets."""

import dataclasses
import math
import os
import platform
import re
from pathlib import Path

from trainer.config.machine_memory import available, has_gpu

_FREE = re.compile(r"^MemAvailable:\s+(\d+) kB", re.MULTILINE)
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_FLAGS = re.compile(r"^flags\s*:\s*(.+)$", re.MULTILINE)
# That speed up training, fastest last; TensorFlow's packages need the first one.
INSTRUCTION_SETS = ("avx", "avx2", "avx512f", "avx512_bf16", "amx_bf16")


@dataclasses.dataclass(frozen=True)
class Hardware:
    """What this process may use.

    Attributes:
        system: 'Linux x86_64'.
        libc: 'glibc 2.36'; empty where the C library does not say.
        processor: its name; may be empty.
        cores: that this process may use.
        memory: bytes that it may use.
        free_memory: bytes that are free now.
        instruction_sets: of `INSTRUCTION_SETS`.
        gpu: whether there is a GPU of NVIDIA or AMD, as far as files show.
    """

    system: str
    libc: str
    processor: str
    cores: int
    memory: int
    free_memory: int
    instruction_sets: tuple[str, ...]
    gpu: bool


def measure(root: Path = Path("/")) -> Hardware:
    """Measure this machine.

    Args:
        root: of the file system.
    """
    processor = _text(root / "proc/cpuinfo")
    flags = set(" ".join(_FLAGS.findall(processor)[:1]).split())
    free = _FREE.search(_text(root / "proc/meminfo"))
    name = _MODEL.search(processor)
    memory = available(root)
    return Hardware(
        system=f"{platform.system()} {platform.machine()}",
        libc=" ".join(platform.libc_ver()).strip(),
        processor=name[1] if name else "",
        cores=_cores(root),
        memory=memory,
        free_memory=min(memory, int(free[1]) * 1024 if free else memory),
        instruction_sets=tuple(entry for entry in INSTRUCTION_SETS if entry in flags),
        gpu=has_gpu(root),
    )


def _cores(root: Path) -> int:
    """Return the cores that this process may use: of its affinity, or fewer by a cgroup's quota."""
    cores = len(os.sched_getaffinity(0))
    quota, _, period = _text(root / "sys/fs/cgroup/cpu.max").strip().partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        cores = min(cores, max(1, math.ceil(int(quota) / int(period))))
    return cores


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
