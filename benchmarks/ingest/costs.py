"""Where does the time of ingest and Transform go: milliseconds a pair by kind of work.

    .venv/bin/python -m benchmarks.ingest.costs [--photos 10000] [--unknown 10]

py-spy (in an environment of its own, below runs/) samples all threads of a run of many pairs and of
one of few; the difference is without set-up. A sample counts for the innermost function of its
stack that a rule below names. Waiting counts for nobody, so the sum of decoding threads and the
thread that drives Beam can be more than the wall clock. py-spy sees Python's threads only: what
TensorFlow's own threads compute, the graph of Transform above all, is not in the table.
"""

import argparse
import collections
import re
from pathlib import Path

from benchmarks import machine
from benchmarks.ingest.__main__ import FEW, SIZE
from benchmarks.ingest.data import write_photos
from benchmarks.ingest.environment import program
from benchmarks.ingest.program import NODES, SCRATCH, ingest_and_transform

PROFILER = "py-spy==0.4.1"
RATE = 200  # samples a second
# What a function and its file look like, innermost first; the first match of a frame decides.
RULES = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("resize", r"^(resize|thumbnail|transpose) \("),
        ("encode", r"^(_encode|save|encode_jpeg) \((components/.*images|PIL)"),
        ("decode", r"^(_decode|load|parse|read_header|_prepare|prepare\w*) \(.*images/|^plain "),
        ("hash", r"near_duplicates/|^_examined \("),
        ("read", r"example_gen/(readers|storage)/|^_fetch |tfrecordio.*read|^read_records? "),
        ("write", r"ingest/(shards|outputs|image_store)|_EncodeAndWrite|(Write|write)\w* \("),
        ("group", r"records/merge|GroupingBuffer|^_merge "),
        ("graph", r"_RunMetaGraphDoFn|quick_execute"),
        ("Beam", r"apache_beam/"),
    )
)
# A thread whose innermost function is one of these waits for another one.
WAITING = re.compile(r"\((threading|queue|selectors|subprocess|grpc/.*|concurrent/.*)\.py|^thread ")
KINDS = [*dict.fromkeys(kind for kind, _ in RULES), "other"]


def main() -> None:
    """Print a table: milliseconds a pair by kind and node."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--unknown", type=int, default=0, help="print functions without a rule")
    options = parser.parse_args()
    print(machine.describe())
    count = options.photos
    many = _sampled(write_photos(SCRATCH / f"photos-{count}", count))
    few = _sampled(write_photos(SCRATCH / "few", FEW))
    print(f"milliseconds a pair{'':10}" + "".join(f"{node:>22}" for node in NODES))
    for kind in KINDS:
        values = [_of_a_pair(many, few, (node, kind), count) for node in NODES]
        print(f"{kind:29}" + "".join(f"{value:22.3f}" for value in values))
    for node, kind, frame in sorted(many, key=many.__getitem__, reverse=True):
        if kind in ("other", "Beam") and options.unknown:
            print(f"{many[node, kind, frame] / RATE:8.2f} s {node} {kind}: {frame}")
            options.unknown -= 1


Samples = collections.Counter[tuple[str, str, str]]  # by node, kind and function


def _of_a_pair(many: Samples, few: Samples, of: tuple[str, str], count: int) -> float:
    sums = [sum(n for (*key, _), n in found.items() if tuple(key) == of) for found in (many, few)]
    return 1000 / RATE * (sums[0] - sums[1]) / (count - FEW)


def _sampled(folder: Path) -> Samples:
    stacks = SCRATCH / "stacks.txt"
    profiler = program(SCRATCH / "profiler", "py-spy", PROFILER)
    command = [
        str(profiler), "record", "--rate", str(RATE), "--threads",
        "--format", "raw", "--output", str(stacks), "--",
    ]  # fmt: skip
    ingest_and_transform(folder, {"files": "pairs.jsonl"}, SIZE, profiler=command)
    samples: Samples = collections.Counter()
    for line in stacks.read_text().splitlines():
        stack, number = line.rsplit(" ", 1)
        frames = stack.split(";")
        if not WAITING.search(frames[-1]):
            samples[_node(frames), _kind(frames), frames[-1]] += int(number)
    return samples


def _kind(frames: list[str]) -> str:
    for frame in reversed(frames):
        for kind, pattern in RULES:
            if pattern.search(frame):
                return kind
    return "other"


def _node(frames: list[str]) -> str:
    ours = any("components/example_gen/" in frame for frame in frames)
    return NODES[0] if ours else NODES[1]


if __name__ == "__main__":
    main()
