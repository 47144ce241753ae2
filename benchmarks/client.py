"""The Python client: seconds to load, the rate of embedding a folder, and the cost of a change.

    .venv/bin/python -m benchmarks.client runs/emoji/serving

The pictures are JPEGs of 640x480 with shapes and grain. The bare rate is that of the signature
`embed_image` on bytes that lie in memory, in calls of as many images as the client makes. Both take
turns, and the median of the ratios of neighbouring rounds counts. Loading is timed in processes of
its own.
"""

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks import machine

PICTURES, SIZE, QUALITY = 1_000, (640, 480), 90
ROUNDS, LOADS = 5, 5
LOAD = (
    "import time; start = time.perf_counter(); import sys, diptych; "
    "diptych.load(sys.argv[1]); print(time.perf_counter() - start)"
)


def jpeg(seed: int) -> bytes:
    """Coarse shapes with some grain, about 60 kB as a photograph has."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize(SIZE)
    grain = rng.integers(-24, 25, (SIZE[1], SIZE[0], 3))
    picture = Image.fromarray((np.asarray(coarse, int) + grain).clip(0, 255).astype(np.uint8))
    out = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(0.8)).save(out, "jpeg", quality=QUALITY)
    return out.getvalue()


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def load_seconds(source: str) -> list[float]:
    """From the start of the first import to a release that is loaded, in fresh processes."""
    command = [sys.executable, "-c", LOAD, source]
    return [
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(LOADS)
    ]


def main() -> None:
    """Print all figures."""
    [source] = sys.argv[1:] or ["runs/emoji/serving"]
    print(machine.describe())
    loads = load_seconds(source)
    print(f"load: median {statistics.median(loads):.1f} s, worst {max(loads):.1f} s of {LOADS}")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        measure(source, Path(scratch))


def measure(source: str, scratch: Path) -> None:
    """Print the rates of embedding, and the cost of refreshing an index."""
    import diptych
    from diptych.client.batches import MOST_IMAGES

    release = diptych.load(source)
    print(release.name)
    images = [jpeg(seed) for seed in range(PICTURES)]
    folder = scratch / "pictures"
    folder.mkdir()
    for number, image in enumerate(images):
        (folder / f"{number}.jpg").write_bytes(image)
    size = sum(map(len, images)) / len(images) / 1e3
    print(f"{PICTURES:,} JPEGs of {SIZE[0]}x{SIZE[1]}, {size:.0f} kB each")

    def bare() -> None:
        for start in range(0, len(images), MOST_IMAGES):
            release._backend.embed_images(images[start : start + MOST_IMAGES])

    def from_files() -> None:
        shutil.rmtree(scratch / "cache", ignore_errors=True)
        release.index(folder)

    bare()
    from_files()
    rounds = [(seconds(bare), seconds(from_files)) for _ in range(ROUNDS)]
    ratio = statistics.median(ours and plain / ours for plain, ours in rounds)
    plain, rebuild = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"bare embed_image: {PICTURES / plain:.0f} images/s")
    print(f"index of a folder: {PICTURES / rebuild:.0f} images/s, {ratio:.2f} of the bare rate")
    index = release.index(folder)
    changed = PICTURES // 100
    refreshes, anew = [], []
    for turn in range(ROUNDS):
        replace(folder, changed, turn)
        refreshes.append(seconds(index.refresh))
        replace(folder, changed, turn + ROUNDS)
        anew.append(seconds(lambda: release.index(folder)))
    for name, times in (("refresh", refreshes), ("index again", anew)):
        cost = statistics.median(times)
        print(
            f"{name} after {changed} of {PICTURES:,} files changed: {cost * 1e3:.0f} ms, "
            f"{100 * cost / rebuild:.2f} % of a rebuild"
        )


def replace(folder: Path, count: int, turn: int) -> None:
    """Write other images over the first files."""
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(jpeg(PICTURES + turn * count + number))


if __name__ == "__main__":
    main()
