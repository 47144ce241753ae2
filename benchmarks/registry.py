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
from components.release.files import model_config_file
from components.release.store import ReleaseStore
from tests.support.releases import decided, store_in, writer

DIPTYCH = Path(sys.executable).with_name("diptych")
EMOJI = Path(__file__).resolve().parent.parent / "examples" / "emoji" / "config.yaml"
ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(folder: Path, config: Path, *arguments: str) -> tuple[float, float]:
    """Seconds from the start of a command until another release serves, and until it ends."""
    before, started = model_config_file.number(folder), time.perf_counter()
    running = subprocess.Popen([DIPTYCH, *arguments, "-c", config], stdout=subprocess.DEVNULL)
    while model_config_file.number(folder) == before and running.poll() is None:
        time.sleep(0.005)
    switched = time.perf_counter() - started
    if running.wait() != 0:
        raise SystemExit(f"diptych {arguments[0]} failed")
    return switched, time.perf_counter() - started


def main() -> None:
    """Fill a registry and print the medians of a few rounds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as scratch:
        config, folder = Path(scratch, "config.yaml"), Path(scratch, "push")
        config.write_text(EMOJI.read_text().replace("../../runs/emoji/serving", "push"))
        releases: ReleaseStore = store_in(folder)
        adding = [seconds(partial(releases.publish, writer(f"{n}"))) for n in range(count)]
        releases.promote(1, decided(None))
        there, back, again = [], [], []
        for number in range(count - ROUNDS, count):
            there.append(seconds(partial(releases.promote, number, decided(1))))
            back.append(seconds(releases.rollback))
            again.append(seconds(partial(releases.publish, writer(f"{number - 1}"))))
        whole = [seconds(releases.reconcile) for _ in range(ROUNDS)]
        force = ("--force", "--reason", "benchmark")
        rounds = [
            (command(folder, config, "promote", "7", *force), command(folder, config, "rollback"))
            for _ in range(ROUNDS)
        ]
        promote, rollback = ([each[i] for each in rounds] for i in (0, 1))
    print(machine.describe())
    print(f"{count:,} releases in the registry; medians of {ROUNDS}")
    print(f"add a release, first and last 20   {middle(adding[1:21])} and {middle(adding[-20:])}")
    print(f"push the same model again          {middle(again)}")
    print(f"promote                            {middle(there)}")
    print(f"rollback                           {middle(back)}")
    print(f"compare all with MLflow, as a run  {middle(whole)}")
    for name, took in (("promote", promote), ("rollback", rollback)):
        print(
            f"the command diptych {name:<9}      {middle([s for s, _ in took])} until it serves, "
            f"{middle([s for _, s in took])} until the registry agrees (aim: at most 5 s)"
        )


def middle(values: list[float]) -> str:
    """The median, as text."""
    return f"{statistics.median(values):5.2f} s"


if __name__ == "__main__":
    main()
