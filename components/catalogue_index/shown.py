"""What a page shows of the images of an index: captions, attributes and thumbnails.

`records.jsonl` has a line for each image and `thumbnails.bin` its thumbnail, both in the order of
the vectors; `thumbnails.npy` says where each thumbnail begins. Both files are mapped, so that a
catalogue of millions of images opens at once.
"""

import json
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schema.errors import InputError

RECORDS, THUMBNAILS, OFFSETS = "records.jsonl", "thumbnails.bin", "thumbnails.npy"

Batches = Callable[[], Iterable[Sequence[bytes]]]


class Record(NamedTuple):
    """What is known of an image."""

    key: str
    captions: tuple[str, ...]
    attributes: Mapping[str, str]


def line_of(record: Record) -> bytes:
    """Return a record as a line of `records.jsonl`."""
    return json.dumps(record._asdict()).encode("ascii") + b"\n"


def write_records(lines: Batches, places: np.ndarray, folder: Path) -> None:
    """Write the records in the order of the index.

    Args:
        lines: yields them in batches, the same each time it is called.
        places: of each line in the index, int64 [n].
        folder: of the index.
    """
    _write_in_order(lines, places, folder / RECORDS)


def write_thumbnails(images: Batches, places: np.ndarray, folder: Path) -> None:
    """Write the thumbnails in the order of the index; arguments as of `write_records`."""
    np.save(folder / OFFSETS, _write_in_order(images, places, folder / THUMBNAILS))


def _write_in_order(batches: Batches, places: np.ndarray, file: Path) -> np.ndarray:
    """Write pieces to their places, holding one batch in memory; return where each one begins."""
    lengths = np.zeros(len(places), np.int64)
    start = 0
    for batch in batches():
        lengths[places[start : start + len(batch)]] = [len(piece) for piece in batch]
        start += len(batch)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    with file.open("wb") as out:
        start = 0
        for batch in batches():
            for place, piece in zip(places[start : start + len(batch)], batch, strict=True):
                out.seek(int(offsets[place]))
                out.write(piece)
            start += len(batch)
    return offsets


class Records:
    """The records of an index, read from their file one by one.

    Args:
        folder: of the index.
        count: of its vectors.

    Raises:
        InputError: the file cannot be read or holds another number of records.
    """

    def __init__(self, folder: Path, count: int):
        self._file = folder / RECORDS
        self._bytes = _mapped(self._file)
        ends = np.flatnonzero(np.frombuffer(self._bytes, np.uint8) == ord("\n")) + 1
        self._offsets = np.concatenate([[0], ends])
        if len(ends) != count or int(self._offsets[-1]) != len(self._bytes):
            raise InputError(f"{self._file}: has {len(ends):,} records, not {count:,}")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, position: int) -> Record:
        """Read a record.

        Raises:
            InputError: the file is damaged there.
        """
        start, end = self._offsets[position : position + 2]
        try:
            values = json.loads(self._bytes[start:end])
            return Record(values["key"], tuple(values["captions"]), dict(values["attributes"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._file}: is damaged in line {position + 1}") from error

    def __iter__(self) -> Iterator[Record]:
        return (self[position] for position in range(len(self)))


class Thumbnails:
    """The thumbnails of an index, read from their file one by one; arguments as of `Records`."""

    def __init__(self, folder: Path, count: int):
        file = folder / OFFSETS
        try:
            self._offsets = np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{file}: is missing, damaged or not a NumPy array") from error
        self._bytes = _mapped(folder / THUMBNAILS)
        offsets = self._offsets
        if (
            offsets.shape != (count + 1,)
            or offsets.dtype != np.int64
            or int(offsets[-1]) != len(self._bytes)
            or (np.diff(offsets) < 0).any()
        ):
            raise InputError(f"{file}: does not fit {folder / THUMBNAILS}")

    def __getitem__(self, position: int) -> bytes | None:
        start, end = self._offsets[position : position + 2]
        return bytes(self._bytes[start:end]) or None


def _mapped(file: Path) -> bytes | mmap.mmap:
    try:
        with file.open("rb") as opened:
            if not file.stat().st_size:
                return b""  # which cannot be mapped
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error
