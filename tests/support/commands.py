"""Start the command as a person does, wait for a node, and see what is left of it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.small_run import small_values, write_small_data

DIPTYCH = Path(sys.executable).with_name("diptych")
SECONDS = 600.0
ANY = {"metric": "text_to_image_mrr", "at_least": 0.0}


def write_config(folder: Path, name: str = "config.yaml", **changes: Any) -> Path:
    """Write the data, if it is not there, and a config of a run that takes about a minute."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists():
        write_small_data(folder / "data")
    values = small_values()
    values["training"] |= {"epochs": 2, "checkpoint_steps": 3}
    values["evaluation"] |= {"gates": [ANY], "slices": ["vendor"]}
    file = folder / name
    file.write_text(yaml.safe_dump({**values, **changes}))
    return file


class Command:
    """A running `diptych`, with a temporary folder of its own."""

    def __init__(
        self,
        *arguments: str | Path,
        folder: Path,
        pause: tuple[str, str, Path] | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        program: list[str | Path] = [DIPTYCH]
        if pause is not None:
            program = [sys.executable, "-m", "tests.support.programs.paused_command", *pause]
        self.folder, self.temporary = folder, folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.out, self.err = folder / "stdout", folder / "stderr"
        self.started = time.time()
        mine = {"TMPDIR": str(self.temporary)}  # by which its descendants are known, too
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [*program, *arguments],
                cwd=folder,
                stdout=out,
                stderr=err,
                env={**os.environ, **(environment or {}), **mine},
                start_new_session=True,
            )

    def wait_until(self, there: Callable[[], bool], seconds: float = SECONDS) -> bool:
        """Whether something was there before the command ended."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            ended = self.process.poll() is not None
            if there():
                return True
            if ended:
                return False
            time.sleep(0.02)
        raise TimeoutError(f"nothing happened in {seconds} s: {self.out.read_text()[-500:]}")

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit code; negative: the signal that ended it."""
        return self.process.wait(seconds)

    def living(self) -> list[str]:
        """The command lines of all its processes that are there."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            with contextlib.suppress(OSError):
                if f"TMPDIR={self.temporary}".encode() in (entry / "environ").read_bytes():
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    if state != "Z":
                        found.append(f"{entry.name} {line[:200]}")
        return found

    def left_after(self, seconds: float) -> list[str]:
        """Its processes that are still there after so many seconds; sooner if none is."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self.living():
            time.sleep(0.05)
        return self.living()


def running(workspace: Path) -> int:
    """How many executions the metadata store takes for running."""
    file = workspace / "metadata.sqlite"
    if not file.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        [[count]] = store.execute(
            "SELECT count(*) FROM Execution WHERE last_known_state IN (1, 2)"  # NEW, RUNNING
        )
    return int(count)


def run(*arguments: str | Path, folder: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    command = Command(*arguments, folder=folder)
    code = command.wait()
    return code, command.out.read_text(), command.err.read_text()
