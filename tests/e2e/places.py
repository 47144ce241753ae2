"""Run the smallest pipeline in odd places: `python -m tests.e2e.places [NAME...]`.

One line a case: what it is, whether it worked, and how long it took. Needs Linux; namespaces and
other user ids need root, and the clock needs a C compiler; what is missing skips the case.
"""

import contextlib
import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.places import (
    DIPTYCH,
    UID,
    as_uid,
    can_unshare,
    give,
    in_mounts,
    last_words,
    start,
    write_config,
)

SHIPPED = "release 1 serves now"
NODES = 12
CLOCK_BACK = Path(__file__).parents[1] / "support" / "clock_back.c"


@dataclasses.dataclass(frozen=True)
class Place:
    """How commands are started in a place.

    Attributes:
        folder: of the config.
        wrap: the command line of a command in that place.
        environment: what is set, or with None is not.
    """

    folder: Path
    wrap: Callable[[Sequence[str]], list[str]] = list
    environment: Mapping[str, str | None] = dataclasses.field(default_factory=dict)

    def diptych(self, *arguments: str, code: int = 0) -> str:
        """Run a command and return its output; anything but the exit code `code` is an error."""
        ended = start(self.wrap([str(DIPTYCH), *arguments]), self.environment)
        if ended.returncode != code or "Traceback" in ended.stderr:
            raise AssertionError(
                f"{arguments[0]} ended with {ended.returncode}: {last_words(ended)}"
            )
        return ended.stdout

    def ship_and_repeat(self, config: Path) -> None:
        """Ship a release, and see that a second run repeats nothing."""
        assert SHIPPED in self.diptych("run", str(config))
        repeated = self.diptych("run", str(config)).count(": cached")
        assert repeated == NODES, f"the second run repeated {NODES - repeated} nodes"

    def every_command(self, config: Path) -> None:
        """Run every command that needs no cluster, on a workspace with a release."""
        there = ("--config", str(config))
        self.ship_and_repeat(config)
        write_config(config.parent, training={**_training(), "learning_rate": 0.011})
        self.diptych("run", str(config))
        assert "release 1 serves now" in self.diptych(
            "promote", "1", *there, "--force", "--reason", "a test"
        )
        assert "release 2 serves again" in self.diptych("rollback", *there)
        assert "serves" in self.diptych("releases", *there)
        for words in (("why",), ("quarantine", "list"), ("quarantine", "retry")):
            self.diptych(*words, *there)
        self.diptych("check", str(config))
        self.diptych(
            "evaluate",
            "1",
            str(config.parent / "data"),
            *there,
            "--files",
            "eval-*.tar",
            "--output",
            str(config.parent / "measured.json"),
        )
        package = config.parent / "package.yaml"
        self.diptych("kubeflow", "compile", str(config), "--output", str(package))


def _training() -> dict[str, object]:
    return {"epochs": 2, "batch_size": 40, "warmup_steps": 5, "learning_rate": 0.01}


def no_home(folder: Path) -> None:
    """HOME is not set."""
    Place(folder, environment={"HOME": None}).ship_and_repeat(write_config(folder))


def unknown_user(folder: Path) -> None:
    """A user id without a name and a home, every command."""
    config = write_config(folder)
    give(folder, UID)
    nobody = dict.fromkeys(("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"))
    Place(folder, lambda command: as_uid(UID, command), nobody).every_command(config)


def read_only_root(folder: Path) -> None:
    """Everything is read-only but the workspace."""
    written = folder / "written"
    (written / "tmp").mkdir(parents=True)
    config = write_config(
        folder, workspace=str(written / "runs"), push={"path": str(written / "serving")}
    )

    def wrap(command: Sequence[str]) -> list[str]:
        lines = [
            f"mount --bind {written} {written}",
            "mount -o remount,ro,bind /",
            "! touch /tmp/writable 2>/dev/null",
            f"exec {shlex.join(command)}",
        ]
        return in_mounts(lines)

    Place(folder, wrap, {"TMPDIR": str(written / "tmp")}).ship_and_repeat(config)


def c_locale(folder: Path) -> None:
    """LANG=C, and Python is told to use ASCII; the workspace has a name in another script."""
    ascii_only = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    config = write_config(folder / "ワーク")
    Place(folder, environment=ascii_only).ship_and_repeat(config)


def no_network(folder: Path) -> None:
    """No network, not even a loopback interface that is up."""
    Place(folder, lambda command: ["unshare", "--net", *command]).ship_and_repeat(
        write_config(folder)
    )


def clock_back(folder: Path) -> None:
    """The clock is an hour back between two runs, and right again for a third."""
    config = write_config(folder)
    now = Place(folder)
    assert SHIPPED in now.diptych("run", str(config))
    write_config(folder, training={**_training(), "learning_rate": 0.011})
    library = folder / "clock_back.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, CLOCK_BACK], check=True)
    back = Place(folder, environment={"LD_PRELOAD": str(library), "CLOCK_BACK": "3600"})
    back.diptych("run", str(config))
    logs = sorted(log.name for log in (folder / "runs" / "logs").glob("*.log"))
    assert len(logs) == 2, logs
    last = back.diptych("why", "--config", str(config)).splitlines()[0]
    assert f"run {Path(logs[-1]).stem}" in last, last
    assert "release 2" in last, last
    assert now.diptych("run", str(config)).count(": cached") == NODES
    there = ("--config", str(config))
    back.diptych("promote", "1", *there, "--force", "--reason", "a test")
    now.diptych("rollback", *there)


def umask_077(folder: Path) -> None:
    """Nothing that is made may be read by others."""
    config = write_config(folder)
    wrapped = Place(folder, lambda command: ["sh", "-c", f"umask 077; exec {shlex.join(command)}"])
    wrapped.ship_and_repeat(config)
    open_files = [p for p in (folder / "serving").rglob("*") if p.stat().st_mode & 0o077]
    assert not open_files, open_files[:3]


def any_script(folder: Path) -> None:
    """Workspace, releases, data and temporary files below `jürgen`, with two Beam workers."""
    home = folder / "jürgen 日本"
    (home / "tmp ü").mkdir(parents=True)
    config = write_config(home, beam={"runner": "local", "workers": 2})
    Place(home, environment={"TMPDIR": str(home / "tmp ü")}).ship_and_repeat(config)


def cleared_tmp(folder: Path) -> None:
    """All temporary files are removed between two runs."""
    scratch = folder / "tmp"
    scratch.mkdir()
    config = write_config(folder)
    place = Place(folder, environment={"TMPDIR": str(scratch)})
    assert SHIPPED in place.diptych("run", str(config))
    shutil.rmtree(scratch)
    scratch.mkdir()
    assert place.diptych("run", str(config)).count(": cached") == NODES


CASES: dict[str, tuple[Callable[[Path], None], Callable[[], str]]] = {
    "no HOME": (no_home, lambda: ""),
    "unknown uid": (unknown_user, lambda: _root() or _namespaces("--mount")),
    "read-only root": (read_only_root, lambda: _root() or _namespaces("--mount")),
    "LC_ALL=C": (c_locale, lambda: ""),
    "no network": (no_network, lambda: _namespaces("--net")),
    "clock an hour back": (clock_back, lambda: "" if shutil.which("cc") else "no C compiler"),
    "umask 077": (umask_077, lambda: ""),
    "any script": (any_script, lambda: ""),
    "TMPDIR cleared": (cleared_tmp, lambda: ""),
}


def _root() -> str:
    return "" if os.geteuid() == 0 else "needs root"


def _namespaces(flag: str) -> str:
    return "" if can_unshare(flag) else f"unshare {flag} is not permitted"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="places-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


def main(names: Sequence[str]) -> int:
    """Run the cases with these names, or all; returns the exit code."""
    outcomes = []
    for name, (case, missing) in CASES.items():
        if names and name not in names:
            continue
        if reason := missing():
            outcomes.append("skipped")
            print(f"{name:20} skipped: {reason}", flush=True)
            continue
        started = time.monotonic()
        with _folder() as folder:
            try:
                case(folder)
                outcome = "works"
            except AssertionError as error:
                outcome = f"FAILS: {error}"
        outcomes.append(outcome)
        print(f"{name:20} {outcome}, {time.monotonic() - started:.0f} s", flush=True)
    works, skipped = outcomes.count("works"), outcomes.count("skipped")
    print(f"{works} of {len(outcomes) - skipped} places work, {skipped} skipped")
    return 0 if works + skipped == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
