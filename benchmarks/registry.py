"""Promote and roll back among a thousand releases, as calls and as commands.

.venv/bin/python -m benchmarks.registry [releases]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import machine
from components.release.store import ReleaseStore
from tests.release_kit import decided, store_in, writer

DIPTYCH = Path(sys.executable).with_name("diptych")
EMOJI = Path(__file__).resolve().parent.parent / "examples" / "emoji" / "config.yaml"
ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(config: Path, *arguments: str) -> tuple[float, str]:
    """How long a command takes, from nothing, and what it prints."""
    started = time.perf_counter()
    done = subprocess.run(
        [DIPTYCH, *arguments, "-c", config], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - started, done.stdout


def main() -> None:
    """Fill a registry and print the medians of a few rounds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch, "config.yaml")
        config.write_text(EMOJI.read_text().replace("../../runs/emoji/serving", "push"))
        releases: ReleaseStore = store_in(Path(scratch, "push"))
        adding = [seconds(partial(releases.publish, writer(f"{n}"))) for n in range(count)]
        releases.promote(1, decided(None))
        there, back, again = [], [], []
        for number in range(count - ROUNDS, count):
            there.append(seconds(partial(releases.promote, number, decided(1))))
            back.append(seconds(releases.rollback))
            again.append(seconds(partial(releases.publish, writer(f"{number - 1}"))))
        commands = {
            "releases": command(config, "releases"),
            "promote": command(config, "promote", "7", "--force", "--reason", "benchmark"),
            "rollback": command(config, "rollback"),
        }
    print(machine.describe())
    print(f"{count:,} releases in the registry; medians of {ROUNDS}")
    print(f"add a release, first and last 20  {middle(adding[1:20])} and {middle(adding[-20:])}")
    print(f"push the same model again         {middle(again)}")
    print(f"promote                           {middle(there)}     (aim: at most 5 s)")
    print(f"rollback                          {middle(back)}     (aim: at most 5 s)")
    for name, (took, printed) in commands.items():
        print(f"the command diptych {name:<14}{took:5.1f} s")
        if name == "rollback":
            print("  " + printed.strip().replace("\n", "\n  "))


def middle(values: list[float]) -> str:
    """The median, as text."""
    return f"{statistics.median(values):5.2f} s"


if __name__ == "__main__":
    main()
