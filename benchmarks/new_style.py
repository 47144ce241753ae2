"""Recall of the emoji release on a drawing style that no part of the project has used.

    .venv/bin/python -m benchmarks.new_style [--release 1]

OpenMoji's icons (CC-BY-SA-4.0, by HfG Schwäbisch Gmünd) come from npm, are rendered as
`examples/emoji/build.py` renders the bundled ones, with the names and keywords of Unicode CLDR, and
`diptych evaluate` measures the newest release of the last `make demo` on them. The pictures stay
below `runs/`, with their licence beside them; none is committed.
"""

import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.training.peer import ROOT
from examples.emoji import build

VENDOR, VERSION = "openmoji", "1.2.29"
FOLDER = ROOT / "runs" / "benchmark-new-style"
CONFIG = ROOT / "examples" / "emoji" / "config.yaml"
RELEASES = ROOT / "runs" / "emoji" / "serving" / "releases"
LICENCE = (
    "The pictures are renderings at 64 px, on white, with 64 colours, of the drawings of OpenMoji\n"
    "(openmoji.org), by HfG Schwäbisch Gmünd and contributors. Licence: CC-BY-SA-4.0,\n"
    "https://creativecommons.org/licenses/by-sa/4.0/legalcode\n"
)
SHOWN = [f"text_to_image_{name}" for name in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")]


def main() -> None:
    """Write the data set and print the recall of the release on it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", help="number or folder; default: the newest")
    release = parser.parse_args().release or _newest()
    print(machine.describe())
    count = write_data(FOLDER)
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch, "metrics.json")
        subprocess.run(
            [
                str(ROOT / ".venv/bin/diptych"), "evaluate", release, str(FOLDER),
                "--config", str(CONFIG), "--output", str(output),
            ],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        measurements = json.loads(output.read_text(encoding="utf-8"))["measurements"]
    metrics = next(each["metrics"] for each in measurements if not each["slice"])
    figures = ", ".join(f"{name} {metrics[name]['candidate']['value']:.3f}" for name in SHOWN)
    print(f"release {release} on {count} emoji of {VENDOR}, names and keywords: {figures}")


def write_data(folder: Path) -> int:
    """Write one shard of the emoji that OpenMoji draws and the examples know, and its licence.

    Returns:
        How many emoji it holds.
    """
    captions, category = _known(ROOT / "examples" / "emoji" / "shards")
    with tempfile.TemporaryDirectory() as scratch:
        package = build.fetch(f"@iconify-json/{VENDOR}@{VERSION}", Path(scratch))
    records = build.drawings(VENDOR, package, captions, category)
    folder.mkdir(parents=True, exist_ok=True)
    build.write_shard(
        folder / "eval-00000.tar.gz", [(key, *record) for key, record in records.items()]
    )
    (folder / "LICENSE").write_text(LICENCE, encoding="utf-8")
    return len(records)


def _known(shards: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return captions and category of each emoji of the bundled shards, by its slug."""
    captions: dict[str, list[str]] = {}
    category: dict[str, str] = {}
    for shard in sorted(shards.glob("*.tar.gz")):
        with tarfile.open(shard) as tar:
            for member in tar:
                match = re.fullmatch(r"[^/]+/(.+)\.json", member.name)
                file = tar.extractfile(member) if match else None
                if match and file is not None:
                    meta = json.loads(file.read())
                    captions[match[1]] = meta["captions"]
                    category[match[1]] = meta["attributes"]["category"]
    return captions, category


def _newest() -> str:
    numbers = [int(each.name) for each in RELEASES.glob("*") if each.name.isdecimal()]
    return str(max(numbers)) if numbers else sys.exit("there is no release: `make demo` first")


if __name__ == "__main__":
    main()
