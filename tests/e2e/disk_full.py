"""Fill the disk of a run: `python -m tests.e2e.disk_full [workspace|TMPDIR|push.path]...`.

A small file system of 12 sizes takes the workspace, the temporary files or the releases of a run
whose first release serves already. A run that cannot end must do so in one sentence that names the
disk, and leave that release whole; after the disk has grown, the same command must ship. The least
space that a run asks for at its start is lifted here, so that the disk fills up in the middle.
Needs root, to mount file systems.
"""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.release.files import manifest, model_config_file
from tests.support.places import (
    DIPTYCH,
    is_one_sentence,
    last_words,
    start,
    tiny_values,
    write_config,
)

# Runs `diptych` without the least space that a run asks for.
LIFTED = (
    "from pipeline.local import disks; "
    "disks.LEAST = dict.fromkeys(disks.LEAST, 0); "
    "disks.LEAST_FILES = dict.fromkeys(disks.LEAST_FILES, 0); "
    "from diptych.cli.main import main; main()"
)
ROOM = "400m"  # enough for any of them
SIZES = {  # kB; of push.path, more than the first release takes
    "workspace": (64, 200, 500, 1000, 1500, 2200, 3000, 4000, 5000, 6000, 7000, 9000),
    "push.path": (100, 400, 900, 1500, 2200, 3000, 4000, 5000, 5700, 6100, 6500, 8000),
    "TMPDIR": (4, 8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024),
}
WHOLE = (16, 64, 256)  # sizes of TMPDIR for which everything runs again
REPAIRED = (1, 6, 9)  # which of the sizes are grown afterwards, to see the same command ship


@dataclasses.dataclass(frozen=True)
class Run:
    """A config whose first release serves, with its folders."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def workspace(self) -> Path:
        return self.folder / "runs"

    @property
    def releases(self) -> Path:
        return self.folder / "serving"

    @property
    def scratch(self) -> Path:
        return self.folder / "tmp"

    @property
    def kept(self) -> Path:
        """A copy of the folder of releases with the first one."""
        return self.folder / "kept"

    def start(self, lifted: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", LIFTED] if lifted else [str(DIPTYCH)]
        return start([*command, "run", str(self.config)], {"TMPDIR": str(self.scratch)})

    def serves(self) -> int | None:
        """The release that models.config names, after all its files were compared."""
        number = model_config_file.number(self.releases)
        if number is not None:
            manifest.verify(self.releases / "releases" / str(number))
        return number


def prepared(folder: Path) -> Run:
    """Ship release 1, then change what is learned, so that the next run ships release 2."""
    run = Run(folder)
    run.scratch.mkdir(parents=True)
    write_config(folder)
    ended = run.start()
    assert run.serves() == 1, last_words(ended)
    configured(folder)
    return run


def configured(folder: Path, **changes: Any) -> None:
    """Have the config learn something else than release 1 did."""
    training = {**tiny_values()["training"], "learning_rate": 0.011}
    write_config(folder, training=training, **changes)


def trained(run: Run) -> None:
    """Have all nodes of the changed config done but the Pusher, for which there is no space."""
    shutil.copytree(run.releases, run.kept, symlinks=True)
    with disk(run.releases, size_of(run.kept) + 200, run.kept):
        ended = run.start()
    assert ended.returncode == 1, last_words(ended)


def size_of(folder: Path) -> int:
    """Of a tree, in kB."""
    told = subprocess.run(["du", "-sk", folder], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[0])


@contextlib.contextmanager
def disk(folder: Path, size: int, kept: Path | None = None) -> Iterator[None]:
    """Mount a file system of so many kB, with a copy of a tree, over a folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", folder], check=True)
    try:
        if kept is not None:
            shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        for _ in range(30):  # a process of the run may still be ending
            if subprocess.run(["umount", folder], capture_output=True).returncode == 0:
                break
            time.sleep(1)


def fill(run: Run, where: str, size: int, repair: bool) -> str:
    """Run on a disk of `size` kB; returns what was wrong, or how it ended."""
    folder = {"workspace": run.workspace, "TMPDIR": run.scratch, "push.path": run.releases}[where]
    kept = run.kept if where == "push.path" else None
    if kept is not None:
        size += size_of(kept)
    if where == "TMPDIR":
        # What is cached writes nothing; most of the sizes repeat only the nodes that write most.
        if size in WHOLE:
            shutil.rmtree(run.workspace, ignore_errors=True)
        configured(
            run.folder, serving_check={"latency_calls": size}, index={"max_queries": 2_000 + size}
        )
    with disk(folder, size, kept):
        before = run.serves()
        ended = run.start()
        after = run.serves()
        words = last_words(ended)
        if "Traceback" in ended.stdout + ended.stderr:
            return f"FAILS: a traceback: {words[-300:]}"
        if ended.returncode == 0:
            return "shipped" if after == 2 else f"FAILS: ended with 0, and {after} serves"
        if ended.returncode != 1 or not is_one_sentence(ended):
            return f"FAILS: ended with {ended.returncode}: {words}"
        if str(folder) not in words or " free" not in words:
            return f"FAILS: does not name the disk: {words}"
        if after != before:
            return f"FAILS: {after} serves instead of {before}: {words}"
        if repair:
            subprocess.run(["mount", "-o", f"remount,size={ROOM}", folder], check=True)
            again = run.start()
            if again.returncode != 0:
                return f"FAILS: cannot be repaired: {last_words(again)}"
            words += " [and shipped when the disk had grown]"
    return words


def reset(run: Run) -> None:
    """Let release 1 be the last one again."""
    shutil.rmtree(run.releases)
    shutil.copytree(run.kept, run.releases, symlinks=True)


def main(places: Sequence[str]) -> int:
    """Fill these disks, or all; returns the exit code."""
    if os.geteuid() != 0:
        print("skipped: mounting needs root")
        return 0
    wrong = cases = 0
    with tempfile.TemporaryDirectory(prefix="full-", ignore_cleanup_errors=True) as name:
        run = prepared(Path(name))
        trained(run)
        for where in places or SIZES:
            for number, size in enumerate(SIZES[where]):
                started = time.monotonic()
                outcome = fill(run, where, size, number in REPAIRED)
                cases += 1
                wrong += outcome.startswith("FAILS")
                took = time.monotonic() - started
                print(f"{where} {size:6,} kB, {took:3.0f} s: {outcome}", flush=True)
                if where != "push.path":
                    reset(run)
    print(f"{cases - wrong} of {cases} full disks: one sentence, the old release whole")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
