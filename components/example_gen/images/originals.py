"""A sample of images as they were received, of each kind that ingest stores differently.

The serving check sends them to the model: a client has such files too, and not what is stored.
"""

import dataclasses
import io
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf

FILE = "originals.npz"  # in the folder of the examples
OF_EACH_KIND = 2


@dataclasses.dataclass(frozen=True, order=True)
class Original:
    """An image as received; `digest` comes first, so that a sample is the same every time."""

    digest: str
    kind: str  # how it was changed: keys of `prepared.CHANGES`
    image: bytes
    stored: bytes


class Lowest:
    """Those of each kind whose digests are lowest, of all that were added."""

    def __init__(self) -> None:
        self._by_kind: dict[str, list[Original]] = {}

    def add(self, image: Original) -> None:
        """Keep an image while it is among the lowest of its kind."""
        kept = self._by_kind.setdefault(image.kind, [])
        # Nearly all end here, and none of their bytes is read.
        if len(kept) < OF_EACH_KIND or image.digest <= kept[-1].digest:
            self._by_kind[image.kind] = sorted({*kept, image})[:OF_EACH_KIND]

    def images(self) -> list[Original]:
        """Return what was kept, in the order of the kinds and digests."""
        return [image for _, some in sorted(self._by_kind.items()) for image in some]


def lowest(images: Iterable[Original]) -> list[Original]:
    """Return those of each kind whose digests are lowest."""
    kept = Lowest()
    for image in images:
        kept.add(image)
    return kept.images()


def write_originals(images: beam.PCollection, folder: str) -> None:
    """Write a sample of `Original`s into a folder; no file where there are none."""
    _ = (
        images
        | "Originals" >> beam.CombineGlobally(_Lowest()).without_defaults()
        | "WriteOriginals" >> beam.Map(_write, f"{folder}/{FILE}")
    )


def read_originals(folder: str) -> list[Original]:
    """Read what `write_originals` wrote; nothing where it wrote nothing."""
    path = f"{folder}/{FILE}"
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path, "rb") as file, np.load(io.BytesIO(file.read())) as arrays:
        columns = [_strings(arrays, name) for name in _NAMES]
    return [Original(a.decode(), b.decode(), c, d) for a, b, c, d in zip(*columns, strict=True)]


_NAMES = [field.name for field in dataclasses.fields(Original)]


class _Lowest(beam.CombineFn):
    def create_accumulator(self) -> list[Original]:
        return []

    def add_input(self, some: list[Original], image: Original) -> list[Original]:
        return lowest([*some, image])

    def merge_accumulators(self, several: Iterable[list[Original]]) -> list[Original]:
        return lowest(image for some in several for image in some)

    def extract_output(self, some: list[Original]) -> list[Original]:
        return some


def _write(images: list[Original], path: str) -> None:
    arrays: dict[str, Any] = {}
    for name in _NAMES:
        values = [getattr(image, name) for image in images]
        raw = [value.encode() if isinstance(value, str) else value for value in values]
        arrays[name] = np.frombuffer(b"".join(raw), np.uint8)
        arrays[f"{name} ends"] = np.cumsum([len(value) for value in raw])
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(packed.getvalue())


def _strings(arrays: Any, name: str) -> Iterator[bytes]:
    joined, ends = arrays[name].tobytes(), arrays[f"{name} ends"].tolist()
    return (joined[start:end] for start, end in zip([0, *ends], ends, strict=False))
