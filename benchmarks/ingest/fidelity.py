"""What does it change to store an image in the size that training reads, and not as received?

    .venv/bin/python -m benchmarks.ingest.fidelity [runs/emoji/serving]

Pixels: photos of 640x480 are shrunk by ingest, which encodes them once more, and by the serving
graph, which gets them as received. Recall: of the release of `make demo`, whose evaluated images
reach it as received, and shrunk by ingest to the size of its tower, as PNG and as JPEG.
"""

import argparse
import io
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

import diptych
from benchmarks import machine
from benchmarks.ingest.__main__ import SIZE
from benchmarks.ingest.data import write_photos
from benchmarks.ingest.program import ROOT, SCRATCH
from components.example_gen.images.preparation import ImageLimits, prepare
from tests.support.small_run import read_shard
from trainer.config.transform import ImageConfig
from trainer.preprocessing.images import transform_and_read

PHOTOS = 200
EVALUATED = ROOT / "examples" / "emoji" / "shards" / "eval-00000.tar.gz"
EMOJI_SIZE = 32  # image.size of examples/emoji/config.yaml


def main() -> None:
    """Print the mean absolute difference of pixels, and recall@1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("serving", nargs="?", default=str(ROOT / "runs/emoji/serving"))
    serving = parser.parse_args().serving
    print(machine.describe())
    photos = sorted(write_photos(SCRATCH / "few", PHOTOS).glob("*.jpg"))
    config = ImageConfig(size=SIZE, encoding="jpeg")
    differences = [_difference(path.read_bytes(), config) for path in photos]
    print(
        f"{len(photos)} photos at {SIZE} pixels, shrunk by ingest and by the serving graph: mean "
        f"absolute difference {np.mean(differences):.2f} of 255, the worst photo's "
        f"{np.max(differences):.2f}"
    )
    rows = read_shard(str(EVALUATED))
    images = [row.image for row in rows]
    names = [str(row.attributes["name"]) for row in rows]
    release = diptych.load(serving)
    texts = release.embed_texts(names)
    ways: dict[str, Callable[[bytes], bytes]] = {
        "as received": lambda image: image,
        "shrunk by ingest": _shrunk,
        "as JPEG": _as_jpeg,
        "as JPEG, shrunk by ingest": lambda image: _shrunk(_as_jpeg(image)),
    }
    for name, stored in ways.items():
        recall = _recall(texts, release.embed_images([stored(image) for image in images]), names)
        print(f"recall@1 of {len(names)} names, {name}: {recall:.3f}")


def _difference(photo: bytes, config: ImageConfig) -> float:
    """Return the mean absolute difference of the pixels of one photo, in levels of 255."""
    stored = prepare(photo, _limits(config.size)).image
    ours, theirs = (
        transform_and_read(tf.constant(image), config).numpy().astype(int)
        for image in (stored, photo)
    )
    return float(np.abs(ours - theirs).mean())


def _limits(size: int) -> ImageLimits:
    return ImageLimits(max_pixels=10**8, max_bytes=10**8, max_side=size)


def _shrunk(image: bytes) -> bytes:
    return prepare(image, _limits(EMOJI_SIZE)).image


def _as_jpeg(image: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(image)) as picture:
        picture.convert("RGB").save(out, "jpeg", quality=95, subsampling=0)
    return out.getvalue()


def _recall(texts: np.ndarray, images: np.ndarray, names: Sequence[str]) -> float:
    """Return the share of texts whose most similar image has this name."""
    found = (texts @ images.T).argmax(axis=1)
    return float(np.mean([names[at] == name for at, name in zip(found, names, strict=True)]))


if __name__ == "__main__":
    main()
