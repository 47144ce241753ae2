"""kill -9 of the whole run, twice in each of the nodes: `python -m tests.e2e.kills [NODE...]`.

A chain: the same run is started and killed again and again, each time further on, then runs to its
end. Asked of it: each rerun goes on from the last finished node, no process is left, and at the end
the releases and artifacts equal those of an undisturbed run, nothing is running in the metadata
store, no half artifact is there and TMPDIR is empty. What differs between two undisturbed runs (the
time, latencies, names that TensorFlow counts up) is not compared, and of measurements the first six
digits: a process that has trained before rounds the embeddings otherwise. A line for each kill;
exit 1 if anything is not as promised.
"""

import json
import math
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.commands import Command, run, running, write_config

# In which nodes, and how long after their start; 'before' and 'after' wait for the kill there.
POINTS: tuple[tuple[str, str | float], ...] = (
    ("set-up", 1.0),
    ("set-up", 4.0),
    ("ImageTextExampleGen", 0.7),
    ("ImageTextExampleGen", "after"),
    ("ImportSchema", "before"),
    ("ImportSchema", "after"),
    ("StatisticsGen", 1.0),
    ("StatisticsGen", "after"),
    ("ServedStatistics", "before"),
    ("ServedStatistics", "after"),
    ("ExampleValidator", "before"),
    ("ExampleValidator", "after"),
    ("Transform", 10.0),
    ("Transform", "after"),
    ("Trainer", 3.0),
    ("Trainer", "after"),
    ("Baseline", "before"),
    ("Baseline", "after"),
    ("TowerConverter", 2.0),
    ("TowerConverter", "after"),
    ("CatalogueIndexer", 1.5),
    ("CatalogueIndexer", "after"),
    ("ServingCheck", 5.0),
    ("ServingCheck", "after"),
    ("Evaluator", 5.0),
    ("Evaluator", "after"),
    ("RunReport", 2.0),
    ("RunReport", "after"),
    ("Pusher", 0.5),
    ("Pusher", "after"),
)
# TensorBoard's files have the time in their names, TFMA's hold the numbers of evaluation.json, the
# report of the converted towers has latencies, and in the requests for the warm-up the features of
# an Example have no order.
ELSEWHERE = re.compile(
    r"events\.out\.tfevents|evaluation/[a-z]+-00000-of-00001\.tfrecord$|tf_serving_warmup_requests$"
    r"|portable/portable\.json$"
)
EXECUTION = re.compile(r"(?<=artifacts/)[A-Za-z]+/[a-z_]+/[0-9]+")
SENTENCE = "sentence"  # 'serves now', or 'serves already' where the kill came after the push
SECONDS_TO_VANISH = 5.0


def kill(folder: Path, node: str, when: str | float) -> Iterator[str]:
    """Start the run of a folder and kill it in a node.

    Yields:
        What is not as promised.
    """
    config, mark = folder / "config.yaml", folder / "paused"
    mark.unlink(missing_ok=True)
    pause = (node, when, mark) if isinstance(when, str) else None
    command = Command("run", config, folder=folder, pause=pause)
    there = mark.exists if isinstance(when, str) else lambda: shown(command, node)
    if not command.wait_until(there):
        yield f"ended before: {command.err.read_text()}"
        return
    if isinstance(when, float):
        time.sleep(when)
    ended = command.process.poll() is not None
    command.process.send_signal(signal.SIGKILL)
    command.wait()
    if ended:
        yield f"ended before: {command.err.read_text()}"
    left = command.left_after(SECONDS_TO_VANISH)
    if left:
        yield f"left {left}"


def shown(command: Command, node: str) -> bool:
    """Whether the run has come to a node that it did not find in its cache."""
    return f"{node}: started" in command.out.read_text()


def state(folder: Path) -> Path:
    """What is compared: the releases, and the newest artifact of each node and key."""
    found = folder.parent / "states" / str(time.time_ns())
    shutil.copytree(folder / "serving" / "releases", found / "releases")
    for key in (folder / "runs" / "artifacts").glob("*/*"):
        numbers = [each.name for each in key.iterdir() if each.name.isdecimal()]
        if numbers:
            newest = max(numbers, key=int)
            shutil.copytree(key / newest, found / key.parent.name / key.name)
    return found


def files(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {
        str(Path(root, name).relative_to(folder))
        for root, _, names in os.walk(folder)
        for name in names
    }


def different(one: Path, other: Path) -> set[str]:
    """Files that only one of two folders has, or that differ."""
    mine, theirs = files(one), files(other)
    unlike = {each for each in mine & theirs if not same(one / each, other / each)}
    return {each for each in (mine ^ theirs) | unlike if not ELSEWHERE.search(each)}


def same(one: Path, other: Path) -> bool:
    """Whether two files have the same bytes; of JSON, the same values to six digits."""
    if one.suffix != ".json":
        return one.read_bytes() == other.read_bytes()
    return alike(*(json.loads(EXECUTION.sub("", each.read_text())) for each in (one, other)))


def alike(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, numbers to six digits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return all(alike(one[key], other[key]) for key in one.keys() - {SENTENCE})
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return all(map(alike, one, other))
    return bool(one == other)


def left(folder: Path) -> Iterator[str]:
    """What is still there of the kills, after the run has ended."""
    from pipeline.local import clean

    if running(folder / "runs"):
        yield "executions that are running in the metadata store"
    for each in clean.half(folder / "runs"):
        if each.path.name != clean.OF_TFX or any(each.path.rglob("*.*")):
            yield f"{each.path}: {each.why}"
    yield from (str(each) for each in (folder / "tmp").iterdir())
    yield from (str(each) for each in (folder / "runs" / "checkpoints").iterdir())


def main(chosen: Sequence[str]) -> int:
    """Run twice undisturbed, then with the kills in the chosen nodes or in all, in the same place.

    Returns:
        The exit code.
    """
    faults: list[str] = []
    points = [each for each in POINTS if not chosen or each[0] in chosen]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "here")
        states = []
        for _ in range(2):
            shutil.rmtree(folder, ignore_errors=True)
            started = time.monotonic()
            code, out, err = run("run", write_config(folder), folder=folder)
            assert code == 0, out + err
            print(f"undisturbed: {time.monotonic() - started:.0f} s", flush=True)
            states.append(state(folder))
        varying = different(*states)
        shutil.rmtree(folder)
        write_config(folder)
        for node, when in points:
            found = list(kill(folder, node, when))
            faults += found
            point = when if isinstance(when, str) else f"{when} s after its start"
            print(f"{node}, {point}: {'; '.join(found) or 'killed'}", flush=True)
        code, out, err = run("run", folder / "config.yaml", folder=folder)
        faults += [] if code == 0 else [f"the rerun ended with {code}: {err}"]
        mine = state(folder)
        compared = files(mine) | files(states[0])
        changed = different(states[0], mine) - varying
        faults += [f"differs: {each}" for each in sorted(changed)]
        faults += left(folder)
        print(f"varying between undisturbed runs: {len(varying)} of {len(compared)} files")
        for each in faults:
            print(f"  {each}")
    equal = len(compared) - len(varying | changed)
    print(f"{len(points)} kills, {len(faults)} faults; {equal} files are as undisturbed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
