"""Rows and records as ingest's stages hand them on."""

import dataclasses
import glob
import hashlib
import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image

from components.beam_blocks import Block
from components.example_gen.config import IngestConfig
from components.example_gen.files import find_parts
from components.example_gen.ingest.beam_graph import Places, ingest
from components.example_gen.records import quarantine
from components.example_gen.records.examined import ExaminedRow, ImageFacts, Refused, Stored
from components.example_gen.records.merge import Record
from components.example_gen.rows import Place
from pipeline.beam.arguments import beam_arguments
from pipeline.beam.local_workers import local_workers
from pipeline.config.beam import LocalBeam
from schema import features


def facts(content: str = "a", **changes) -> ImageFacts:
    """An image told apart by `content` alone."""
    looks = int(hashlib.sha256(content.encode()).hexdigest()[:16], 16)
    made = ImageFacts(content, "png", 4, 3, looks, b"", ())
    return dataclasses.replace(made, **changes)


def found(key: str = "k", offset: int = 0, content: str = "a", **changes) -> ExaminedRow:
    """A row of the file 'f'."""
    values = {
        "split": "train",
        "place": Place("f", offset),
        "key": key,
        "image": facts(content),
        "stored": Stored("image_store", 0, 1),
        "captions": ("a cat",),
        "labels": None,
        "attributes": {},
        "key_column": "id",
    }
    return ExaminedRow(**{**values, **changes})


def record(key: str = "k", **changes) -> Record:
    """A record of one row."""
    values = {
        "split": "train",
        "key": key,
        "place": Place("f", 0),
        "image": facts(),
        "stored": Stored("image_store", 0, 1),
        "captions": ("a cat",),
        "labels": None,
        "attributes": {},
        "rows": 1,
        "dropped": (),
    }
    return Record(**{**values, **changes})


def blocks(records: Sequence[Record]) -> list[Block[Record]]:
    """The records in blocks of two."""
    return [Block(list(records[first : first + 2])) for first in range(0, len(records), 2)]


def shapes(seed: int, size: tuple[int, int] = (32, 24)) -> Image.Image:
    """An image like no other: coarse noise, so that no two look alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def picture(seed: int, kind: str = "png", size: tuple[int, int] = (32, 24)) -> bytes:
    """`shapes` as a file."""
    out = io.BytesIO()
    shapes(seed, size).save(out, kind)
    return out.getvalue()


def write_tar(path: Path, members: Iterable[tuple[str, bytes] | tarfile.TarInfo]) -> str:
    """A tar of files, and of whatever else a TarInfo says."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return str(path)


@dataclasses.dataclass
class Ingested:
    """What one ingest left."""

    summary: quarantine.Summary
    examples: dict[str, list[tf.train.Example]]
    refused: list[Refused]
    folder: Path

    def keys(self, split: str) -> list[str]:
        """In the order of the files."""
        return [values(each, features.IMAGE_KEY)[0].decode() for each in self.examples[split]]


def values(example: tf.train.Example, name: str) -> list:
    """Of one feature."""
    feature = example.features.feature[name]
    return list(getattr(feature, feature.WhichOneof("kind")).value)


def ingested(
    folder: Path, config: IngestConfig, beam_options: Sequence[str] = (), max_captions: int = 5
) -> Ingested:
    """Ingest the files of a config into a new folder, in Beam, without TFX around it."""
    places = Places(
        str(folder),
        {split: str(folder / split) for split in config.splits},
        str(folder / "quarantine"),
        str(folder / "image_store"),
    )
    for name in (*config.splits, "quarantine"):
        (folder / name).mkdir(parents=True)
    listed = [*beam_arguments(LocalBeam()), *beam_options]
    parts = list(find_parts(config.path, config.patterns, config))
    with (
        local_workers(folder),
        beam.Pipeline(options=PipelineOptions(listed)) as pipeline,
    ):
        ingest(pipeline, parts, config, max_captions, places)
    examples = {
        split: [
            tf.train.Example.FromString(each.numpy())
            for each in tf.data.TFRecordDataset(sorted(glob.glob(f"{path}/*")), "GZIP")
        ]
        for split, path in places.splits.items()
    }
    refused = list(quarantine.read_records(places.quarantine))
    return Ingested(quarantine.read_summary(places.quarantine), examples, refused, folder)
