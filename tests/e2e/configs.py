"""Hundreds of configs: by the kinds of what can be wrong with one, and as many at random.

Each goes through the command line's own path: it is accepted, or refused with exit code 2 and one
line. Most run in this process, with a limit of time; what a process costs, imports included, is
measured of a sample: `python -m tests.e2e.configs [SEED]`.
"""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import yaml
from typer.testing import CliRunner

from diptych.cli.main import app
from tests.support.hostile.config_texts import texts
from tests.support.hostile.config_values import at_random, values
from tests.support.paths import EMOJI

AT_RANDOM = 20  # of those in the sample
SECONDS, MEGABYTES, CHARACTERS = 2.0, 300, 6000
COMMANDS = (  # with the place of the config at their end
    ("releases", "-c"), ("run",), ("check",), ("promote", "1", "-c"), ("rollback", "-c"),
    ("kubeflow", "check"), ("kubeflow", "submit", "-c"), ("kubeflow", "schedule", "list", "-c"),
)  # fmt: skip


def main(seed: int) -> int:
    """Return 1 if anything is not as promised."""
    draw = random.Random(seed)
    good, text = yaml.safe_load(EMOJI.read_text()), EMOJI.read_text()
    by_hand = [*texts(text), *values(good)]
    draw.shuffle(by_hand)
    # For the sample one of each kind comes first.
    firsts = {each[0]: each for each in reversed(by_hand)}
    first = [firsts[kind] for kind in sorted(firsts)]
    rest = [each for each in by_hand if all(each is not one for one in first)]
    cases = [*first, *rest, *(("random", at_random(text, draw)) for _ in by_hand)]
    counts: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (kind, content) in enumerate(cases):
            file = folder / f"{number}.yaml"
            file.write_bytes(content)
            outcome, fault = in_this_process(file)
            counts[outcome] += 1
            wrong += bool(fault)
            print(f"{number:3} {kind}: {outcome}{f': WRONG: {fault}' if fault else ''}")
        here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        wrong += here > MEGABYTES
        drawn = [*range(len(first)), *range(len(by_hand), len(by_hand) + AT_RANDOM)]
        files = [folder / f"{each}.yaml" for each in drawn]
        slowest, largest, of_processes = sample(files, special(folder))
        wrong += of_processes
    total = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    print(
        f"{len(by_hand)} configs of {len(first)} kinds, as many at random (seed {seed}): {total}; "
        f"one process for all: {here:.0f} MB; a process each: at most {slowest:.2f} s of a CPU and "
        f"{largest:.0f} MB; {wrong} not as promised"
    )
    return 1 if wrong else 0


def in_this_process(file: Path) -> tuple[str, str]:
    """List the releases of a config: how it ended, and what is not as promised."""
    started = time.monotonic()
    with time_limit(30):
        ended = CliRunner().invoke(app, ["releases", "--config", str(file)])
    took = time.monotonic() - started
    outcome = {0: "accepted", 1: "accepted", 2: "refused"}.get(ended.exit_code, "other")
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        return outcome, f"{type(ended.exception).__name__}: {str(ended.exception)[:200]}"
    faults = {
        f"exit code {ended.exit_code}": outcome == "other",
        f"{took:.1f} s": took > SECONDS,
        f"it says {ended.stderr[:300]!r}": not as_promised(ended.exit_code, ended.stderr),
    }
    return outcome, ", ".join(fault for fault, is_so in faults.items() if is_so)


def as_promised(code: int, said: str) -> bool:
    """Whether a refusal is one line, and not a long one."""
    lines = said.splitlines()
    return "Traceback" not in said and len(said) < CHARACTERS and (code != 2 or len(lines) == 1)


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Interrupt what takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not done in {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def special(folder: Path) -> list[Path]:
    """Places that hold no readable config: none of them may be waited for."""
    os.mkfifo(folder / "pipe")
    (folder / "circle").symlink_to(folder / "circle")
    unreadable = folder / "unreadable"
    unreadable.write_text("name: x")
    unreadable.chmod(0)
    paths = [folder, folder / "pipe", folder / "circle", folder / "absent", folder / ("x" * 300)]
    devices = [Path("/dev/zero"), Path("/dev/null"), Path("/proc/self/mem"), Path("/proc/kmsg")]
    return [*paths, *devices, unreadable]


def sample(files: list[Path], places: list[Path]) -> tuple[float, float, int]:
    """Run a process for each of some configs, and for the special places.

    Returns:
        The most seconds, the most megabytes, and how many were not as promised.
    """
    slowest = largest = 0.0
    wrong = 0
    for turn, file in enumerate([*files, *places]):
        # Of the files some are accepted, and must not be run here.
        command = COMMANDS[turn % len(COMMANDS)] if file in places else COMMANDS[0]
        code, said, seconds, megabytes = measured([*command, str(file)])
        slowest, largest = max(slowest, seconds), max(largest, megabytes)
        needed = {2} if file in places else {0, 1, 2}
        fine = code in needed and as_promised(code, said)
        fine = fine and seconds < SECONDS and megabytes < MEGABYTES
        wrong += not fine
        verdict = "" if fine else f": WRONG: {said[:300]!r}"
        print(
            f"process {' '.join(command)} {file.name[:20]}: exit {code}, {seconds:.2f} s, "
            f"{megabytes:.0f} MB{verdict}"
        )
    return slowest, largest, wrong


def measured(arguments: list[str]) -> tuple[int, str, float, float]:
    """Exit code, standard error, seconds and megabytes of a command.

    The seconds are of a CPU: others may use this machine. One that waits is killed after a minute.
    """
    program = str(Path(sys.executable).with_name("diptych"))
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        with time_limit(60):
            try:
                _, status, used = os.wait4(running.pid, 0)
            except TimeoutError:
                running.kill()
                _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return running.returncode, text, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 14))
