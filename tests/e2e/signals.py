"""SIGINT, SIGTERM and SIGKILL in nodes and commands: `python -m tests.e2e.signals [CASE...]`.

Asked of each: the first two end it within ten seconds with 130 or 143 and one sentence, and nothing
is left in TMPDIR or running in the metadata store; whichever it is, no child is left. A line for
each case; exit 1 if one is not as promised.
"""

import dataclasses
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.commands import Command, run, running, write_config
from tests.support.kubeflow_config import section
from tests.support.serving_check import executable

SECONDS = 10.0
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
POLITE = (signal.SIGINT, signal.SIGTERM)
TUNE = {"trials": 4, "space": {"training.learning_rate": {"values": [0.001, 0.003, 0.01, 0.03]}}}
TWO_WORKERS = {"runner": "local", "workers": 2}
SERVER = "tensorflow_model_server"
# Stands in for TensorFlow Serving; it never gets ready, and does not want to end.
DEAF = "#!/bin/sh\ntrap '' TERM INT\nwhile true; do sleep 1; done\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """A command, and the moment of a signal."""

    name: str
    until: Callable[[Command], bool]
    seconds: float = 0.0  # after that moment
    arguments: Sequence[str] = ("run", "config.yaml")
    workspace: str = "runs"
    pause: str = ""  # the node that waits before it works
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    signals: Sequence[signal.Signals] = POLITE


def node(name: str, seconds: float = 0.0, **others: Any) -> Case:
    """A node of a run, and how long after its start; 0: it is over too soon, and waits."""
    if seconds:
        return Case(name, lambda c: f"{name}: started" in c.out.read_text(), seconds, **others)
    return Case(name, lambda c: (c.folder / "paused").exists(), pause=name, **others)


def child(name: str, program: str, **others: Any) -> Case:
    """A command while a child of it is there."""
    return Case(
        name,
        lambda c: any(program in each for each in c.living()),
        signals=(*POLITE, signal.SIGKILL),
        **others,
    )


def has_checkpoint(command: Command) -> bool:
    """Whether training has written a checkpoint."""
    found = (command.folder / "runs" / "checkpoints").glob("*/step-*/done.json")
    return any(each.stat().st_mtime > command.started for each in found)


# Each continues the run of the one before; a finished node is not repeated.
NODES = (
    node("set-up", 2.0),
    node("ImageTextExampleGen", 0.5),
    node("ImportSchema"),
    node("StatisticsGen", 0.8),
    node("ServedStatistics"),
    node("ExampleValidator"),
    node("Transform", 10.0),
    node("Tuner", 6.0),
    node("Trainer", 3.0),
    Case("Trainer's steps", has_checkpoint),
    node("Baseline"),
    node("TowerConverter", 2.0),
    node("CatalogueIndexer", 1.5),
    child("ServingCheck", "clients/client_program.py", seconds=1.0),
    node("Evaluator", 5.0),
    node("RunReport", 2.0),
    node("Pusher", 1.0),
)
WORKERS = {"workspace": "beam-runs", "arguments": ("run", "beam.yaml")}
DRY_RUN = ("kubeflow", "dry-run", "kubeflow.yaml")
WITH_SERVER = {"PATH": f"bin:{os.environ['PATH']}"}
OTHERS = (
    child("two workers of Beam", "sdk_worker_main", seconds=3.0, **WORKERS),
    node("StatisticsGen", 0.8, workspace="check-runs", arguments=("check", "check.yaml")),
    Case(
        "evaluate",
        lambda c: "Evaluator: started" in c.out.read_text(),
        2.0,
        ("evaluate", "1", "data/eval-0.tar"),
    ),
    child("dry-run", "kubeflow.entrypoint", seconds=3.0, arguments=DRY_RUN),
    child(SERVER, f"{SERVER} --port", environment=WITH_SERVER, arguments=("run", "served.yaml")),
)


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command took a signal."""

    number: signal.Signals
    code: int
    seconds: float
    left: list[str]
    said: str
    temporary: list[str]
    running: int

    def faults(self) -> Iterator[str]:
        """What is not as promised."""
        if self.code != CODES[self.number]:
            yield f"code {self.code}"
        if self.seconds > SECONDS:
            yield "too late"
        if self.left:
            yield f"left {self.left}"
        if self.number == signal.SIGKILL:
            return
        if self.said.count("\n") != 1 or "Traceback" in self.said:
            yield f"said {self.said!r}"
        if self.temporary:
            yield f"left in TMPDIR {self.temporary}"
        if self.running:
            yield f"{self.running} still running in the metadata"


def attempt(folder: Path, case: Case, number: signal.Signals) -> Ended:
    """Start a command, and send it the signal: to it alone, as a scheduler does."""
    mark = folder / "paused"
    mark.unlink(missing_ok=True)
    command = Command(
        *case.arguments,
        folder=folder,
        pause=(case.pause, "before", mark) if case.pause else None,
        environment=case.environment,
    )
    assert command.wait_until(lambda: case.until(command)), command.err.read_text()
    time.sleep(case.seconds)
    assert command.process.poll() is None, f"{case.name} was over"
    command.process.send_signal(number)
    started = time.monotonic()
    code = command.wait(120)
    seconds = time.monotonic() - started
    left = command.left_after(2.0)
    temporary = sorted(each.name for each in command.temporary.iterdir())
    said = command.err.read_text()
    return Ended(number, code, seconds, left, said, temporary, running(folder / case.workspace))


def main(chosen: Sequence[str]) -> int:
    """Try each case with each of its signals.

    Returns:
        The exit code.
    """
    failed, slowest, count = 0, 0.0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        executable(folder / "bin" / SERVER, DEAF)
        write_config(folder, "config.yaml", tune=TUNE)
        write_config(
            folder, "beam.yaml", workspace="beam-runs", beam={"runner": "local", "workers": 2}
        )
        write_config(folder, "check.yaml", workspace="check-runs")
        write_config(folder, "kubeflow.yaml", kubeflow=section())
        write_config(folder, "served.yaml", tune=TUNE, serving_check={"latency_calls": 31})
        for case in (*NODES, *OTHERS):
            if chosen and case.name not in chosen:
                continue
            if case.name == "evaluate":  # it needs a release
                code, out, err = run("run", "config.yaml", folder=folder)
                assert code == 0, out + err
            for number in case.signals:
                ended = attempt(folder, case, number)
                faults = list(ended.faults())
                failed, count = failed + bool(faults), count + 1
                slowest = max(slowest, ended.seconds)
                how = "; ".join(faults) or ended.said.strip() or "nothing is left"
                what = " ".join(case.arguments[:-1])
                print(
                    f"{what}, {case.name}, {number.name}: {ended.seconds:.1f} s, {how}", flush=True
                )
    print(f"{count} signals, {failed} not as promised; the slowest end took {slowest:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
