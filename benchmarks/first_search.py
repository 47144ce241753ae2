"""From a clone to a search through 1,000 pictures of one's own: the three commands of the README.

    .venv/bin/python -m benchmarks.first_search

Clones this repository into an empty folder, so that set-up counts, and runs there what the README
says. The pictures are JPEGs of 640x480 with shapes and grain. The search prints its answer in the
terminal; the page is up after the same work. `TMPDIR` says where the clone is made: about 6 GB.
"""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.client import PICTURES, jpeg

ROOT = Path(__file__).resolve().parent.parent
MINUTES = 6  # aim


def seconds(folder: Path, *command: str | Path) -> float:
    """Run a command in a folder, and return how long it takes."""
    started = time.monotonic()
    subprocess.run(command, cwd=folder, check=True)
    took = time.monotonic() - started
    print(f"{took:6.1f} s  {' '.join(map(str, command))}", flush=True)
    return took


def main() -> None:
    """Print how long each command takes, and all of them."""
    print(machine.describe())
    with tempfile.TemporaryDirectory() as scratch:
        clone, pictures = Path(scratch, "diptych"), Path(scratch, "pictures")
        pictures.mkdir()
        for number in range(PICTURES):
            (pictures / f"{number}.jpg").write_bytes(jpeg(number))
        search = (".venv/bin/diptych", "search", "runs/stamps/serving", "a red flower")
        total = (
            seconds(Path(scratch), "git", "clone", "--quiet", ROOT, clone)
            + seconds(clone, "make", "photos")
            + seconds(clone, *search, "--images", pictures)
        )
        again = seconds(clone, *search, "--images", pictures)
    verdict = "holds" if total < 60 * MINUTES else "MISSED"
    print(f"from a clone to an answer: {total / 60:.1f} min (aim {MINUTES}), {verdict}")
    print(f"another query of the same folder: {again:.1f} s")


if __name__ == "__main__":
    main()
