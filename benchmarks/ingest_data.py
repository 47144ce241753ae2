"""Photo-like JPEGs with captions, the same every time, in the layouts both competitors read."""

import csv
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 90
NOUNS = ("boat", "cat", "door", "field", "lamp", "mountain", "river", "street", "tree", "wall")


def write_photos(folder: Path, count: int, size: tuple[int, int] = (640, 480)) -> Path:
    """Write `count` JPEGs of about a photo's detail; nothing is done if they are there already.

    Smooth shapes from upscaled noise, and grain on top: at quality 90 a file of 640 x 480 has
    about 100 kB, as a camera's has.

    Returns:
        The folder: `pairs.jsonl` for us, `urls.csv` for img2dataset.
    """
    if (folder / "urls.csv").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    grain = rng.normal(0, 7, (2 * size[1], 2 * size[0], 3)).astype(np.float32)
    pairs = []
    for number in range(count):
        name = f"{number:06d}.jpg"
        shapes = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        y, x = rng.integers(0, size[1]), rng.integers(0, size[0])
        smooth = np.asarray(shapes.resize(size, Image.Resampling.BICUBIC), np.float32)
        pixels = smooth + grain[y : y + size[1], x : x + size[0]]
        out = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "jpeg", quality=QUALITY)
        (folder / name).write_bytes(out.getvalue())
        caption = f"a {NOUNS[number % 10]} beside a {NOUNS[number // 10 % 10]}, number {number}"
        pairs.append((name, caption))
    lines = (json.dumps({"image": name, "caption": caption}) for name, caption in pairs)
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    with (folder / "urls.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "caption"])
        writer.writerows([(f"file://{folder / name}", caption) for name, caption in pairs])
    return folder
