"""Digests of the images and keys of a split, so that other data can be compared with it.

Each record has 64 bits of the digest of its key, and of its image's bytes as they were received:
16 bytes a record, which a release can keep of the images that it was trained on.
"""

import dataclasses
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import apache_beam as beam
import numpy as np

from components.beam_blocks import Block
from components.example_gen.records.merge import Record
from components.example_gen.records.splits import DIGESTS


def write_digests(records: beam.PCollection, folders: Mapping[str, str]) -> None:
    """Write the digests of every split, of blocks of records; `folders` says where."""
    _ = (
        records
        | "Digests" >> beam.FlatMap(_digests)
        | "BySplit" >> beam.GroupByKey()
        | "WriteDigests" >> beam.Map(_write, dict(folders))
    )


def digests_of(record: Record) -> bytes:
    """Return eight bytes of the key's digest and eight of the image's."""
    key = hashlib.sha256(record.key.encode()).digest()
    return key[:8] + bytes.fromhex(record.image.content)[:8]


def _digests(records: Block[Record]) -> Iterable[tuple[str, bytes]]:
    by_split: defaultdict[str, bytearray] = defaultdict(bytearray)
    for record in records:
        by_split[record.split] += digests_of(record)
    return [(split, bytes(digests)) for split, digests in by_split.items()]


def _write(group: tuple[str, Iterable[bytes]], folders: Mapping[str, str]) -> None:
    from tfx.dsl.io import fileio

    split, digests = group
    table = np.frombuffer(b"".join(digests), ">u8").reshape(-1, 2)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    kept = io.BytesIO()
    np.save(kept, table)
    parent = folders[split].rstrip("/").rpartition("/")[0]
    with fileio.open(f"{parent}/{DIGESTS.format(split)}", "wb") as file:
        file.write(kept.getvalue())


@dataclasses.dataclass(frozen=True)
class Overlap:
    """How many images of some data are among those of a release's train split.

    Attributes:
        images: of the data.
        same_image: byte for byte as one of the train split.
        same_key: others whose key is that of one of the train split.
    """

    images: int
    same_image: int
    same_key: int

    def sentence(self, release: str) -> str:
        """Write how many images both have, and how many more only share a key."""
        were = f"were in the train split of {release}"
        if self.same_image:
            sentence = f"{self.same_image:,} of the {self.images:,} images of this data {were}"
        else:
            sentence = f"none of the {self.images:,} images of this data {were}"
        if self.same_key:
            have = "has" if self.same_key == 1 else "have"
            more = "more " if self.same_image else ""
            sentence += f"; {self.same_key:,} {more}{have} the key of another image of it"
        return sentence


def compare(data: Path, trained: Path) -> Overlap:
    """Compare the digests of some data with those of a train split."""
    mine, theirs = np.load(data), np.load(trained)
    keys, images = (np.isin(mine[:, column], theirs[:, column]) for column in (0, 1))
    same_key = np.count_nonzero(keys & ~images)
    return Overlap(len(mine), int(np.count_nonzero(images)), int(same_key))
