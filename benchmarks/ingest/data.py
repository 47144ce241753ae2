"""Photo-like JPEGs with captions, the same every time: as files for both programs, and as tars."""

import csv
import io
import itertools
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 90
PAIRS_OF_TAR = 1000
NOUNS = ("boat", "cat", "door", "field", "lamp", "mountain", "river", "street", "tree", "wall")


def write_photos(folder: Path, count: int, size: tuple[int, int] = (640, 480)) -> Path:
    """Write JPEGs of about a photo's detail; nothing is done if they are there already.

    Returns:
        The folder: `pairs.jsonl` for us, `urls.csv` for img2dataset.
    """
    if (folder / "urls.csv").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for number, (image, caption) in enumerate(_pairs(count, size)):
        pairs.append((f"{number:06d}.jpg", caption))
        (folder / pairs[-1][0]).write_bytes(image)
    lines = (json.dumps({"image": name, "caption": caption}) for name, caption in pairs)
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    with (folder / "urls.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "caption"])
        writer.writerows([(f"file://{folder / name}", caption) for name, caption in pairs])
    return folder


def write_tars(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """Write the same kind of pairs as tars of `PAIRS_OF_TAR`; nothing if they are there already."""
    if folder.exists():
        return folder
    unfinished = folder.with_name(f"{folder.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    pairs = enumerate(_pairs(count, size))
    for first in range(0, count, PAIRS_OF_TAR):
        with tarfile.open(unfinished / f"{first:07d}.tar", "w") as tar:
            for number, (image, caption) in itertools.islice(pairs, PAIRS_OF_TAR):
                for ending, body in (("jpg", image), ("txt", caption.encode())):
                    member = tarfile.TarInfo(f"{number:07d}.{ending}")
                    member.size = len(body)
                    tar.addfile(member, io.BytesIO(body))
    unfinished.rename(folder)
    return folder


def _pairs(count: int, size: tuple[int, int]) -> Iterator[tuple[bytes, str]]:
    """Yield JPEGs and captions: smooth shapes from upscaled noise, with grain on top.

    At quality 90 an image of 640 x 480 has about 100 kB, as a camera's has.
    """
    rng = np.random.default_rng(count)
    grain = rng.normal(0, 7, (2 * size[1], 2 * size[0], 3)).astype(np.float32)
    for number in range(count):
        shapes = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        y, x = rng.integers(0, size[1]), rng.integers(0, size[0])
        smooth = np.asarray(shapes.resize(size, Image.Resampling.BICUBIC), np.float32)
        pixels = smooth + grain[y : y + size[1], x : x + size[0]]
        out = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "jpeg", quality=QUALITY)
        caption = f"a {NOUNS[number % 10]} beside a {NOUNS[number // 10 % 10]}, number {number}"
        yield out.getvalue(), caption
