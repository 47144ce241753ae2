"""A model that embeds an image by its mean colour, and pictures for it; for tests of the client."""

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image


def png(colour, size=(8, 6)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, tuple(colour)).save(out, "png")
    return out.getvalue()


def colour_of(number: int) -> tuple[int, int, int]:
    """A colour that only this number has."""
    return (number % 256, number // 256 % 256, 255 - number % 256)


def write_pictures(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    for number in range(first, first + count):
        (folder / f"{number:03d}.png").write_bytes(png(colour_of(number)))


class ColourModel:
    """A `Backend` that notes what it was called with."""

    dim = 3
    name = "colours release 1"

    def __init__(self, digest: str = "colours"):
        self.digest = digest
        self.calls: list[int] = []

    @property
    def embedded(self) -> int:
        return sum(self.calls)

    def embed_images(self, images):
        self.calls.append(len(images))
        rows = [mean_colour(image) for image in images]
        valid = np.array([row is not None for row in rows])
        vectors = [np.full(3, np.nan) if row is None else row for row in rows]
        return np.array(vectors, np.float32), valid

    def embed_texts(self, texts):
        digests = [hashlib.sha256(text).digest()[:3] for text in texts]
        return np.array([list(digest) for digest in digests], np.float32)


def mean_colour(image: bytes) -> np.ndarray | None:
    try:
        with Image.open(io.BytesIO(image)) as picture:
            return np.asarray(picture.convert("RGB"), np.float32).mean((0, 1)) / 255
    except (OSError, SyntaxError):
        return None
