"""How much memory this process may use, and whether a run fits into it."""

import re
from collections.abc import Iterator
from pathlib import Path

from schema.errors import InputError
from trainer.config.model_size import batch_bytes, in_bytes, parameters, training_bytes
from trainer.config.trainer import TrainerConfig

_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB", re.MULTILINE)


def check(
    config: TrainerConfig, devices: int, on_cpu: bool, workers: int = 1, root: Path = Path("/")
) -> None:
    """Refuse a run that this machine would kill after a while.

    Only what is certain is counted: activations and libraries come on top.

    Args:
        config: the trainer's.
        devices: devices of this machine that train together.
        on_cpu: whether their memory is the machine's; that of a GPU is not checked.
        workers: machines that share a batch.
        root: of the file system.

    Raises:
        InputError: names what takes the memory, how much it takes and how much there is.
    """
    held = {"a batch": sum(batch_bytes(config).values()) // workers}
    if on_cpu:
        number = sum(parameters(config).values())
        held[f"{number:.2g} parameters with gradients and moments"] = training_bytes(
            config, devices
        )
    there, needed = available(root), sum(held.values())
    if needed > there:
        parts = " and ".join(f"{in_bytes(size)} for {what}" for what, size in held.items())
        raise InputError(
            f"training needs at least {in_bytes(needed)} of memory ({parts}), and this process "
            f"may use {in_bytes(there)}: make training.batch_size, image.size or the towers "
            "smaller, or train on a larger machine"
        )


def has_gpu(root: Path = Path("/")) -> bool:
    """Return whether a driver of NVIDIA or AMD has a device here, as far as files show."""
    return any((root / "dev").glob("nvidia[0-9]*")) or (root / "dev/kfd").exists()


def available(root: Path = Path("/")) -> int:
    """Return the bytes that this process may use: the machine's, or fewer if a cgroup limits it."""
    total = _TOTAL.search(_text(root / "proc/meminfo"))
    limits = [int(text) for text in _limits(root) if text.isdecimal()]
    return min([*limits, *([int(total[1]) * 1024] if total else [])], default=2**63)


def _limits(root: Path) -> Iterator[str]:
    """Yield the limit of each cgroup that this process is in, from its own to the outermost."""
    mounted = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folder, name = mounted, "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        inner = folder / path.strip("/")
        for group in (inner, *inner.parents):
            if not group.is_relative_to(folder):
                break
            yield _text(group / name).strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
