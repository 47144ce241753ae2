"""Small files that take gigabytes or minutes of whoever unpacks them without a limit."""

import bz2
import contextlib
import gzip
import io
import lzma
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from PIL import Image

from tests.support.hostile.files import (
    MEGABYTE,
    Case,
    base64_row,
    bomb_png,
    jsonl,
    lines,
    picture,
    tfrecord,
)

Write = Callable[[Path], None]


def repeated(
    name: str, head: bytes, body: bytes, times: int, tail: bytes = b"", opened: Callable = gzip.open
) -> Write:
    """A compressed file of a head, a body again and again, and a tail."""

    def write(folder: Path) -> None:
        with cast(BinaryIO, opened(folder / name, "wb")) as out:
            out.write(head)
            for _ in range(times):
                out.write(body)
            out.write(tail)

    return write


def header(name: str, kind: bytes, size: int) -> bytes:
    """The header of a member of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def sparse_header(blocks: int) -> Iterator[bytes]:
    """A GNU sparse member whose map goes on in block after block."""
    start = bytearray(header("a.png", tarfile.GNUTYPE_SPARSE, 0))
    start[482] = 1  # more blocks follow
    start[148:156] = b" " * 8
    start[148:156] = b"%06o\0 " % sum(start)
    yield bytes(start)
    entry = b"%011o\0" % 1
    yield from [entry * 42 + b"\1" + bytes(7)] * blocks


def shared_cell(column: str, size: int) -> Write:
    """A Parquet table of 50 rows that share one cell."""

    def write(folder: Path) -> None:
        kind = pa.binary() if column == "image" else pa.string()
        shared = pa.DictionaryArray.from_arrays(
            pa.array([0] * 50, pa.int32()), pa.array([b"x" * size], kind)
        )
        other = {"image": ["a.png"] * 50, "caption": ["a c"] * 50}
        table = pa.table(other | {column: shared})
        pq.write_table(table, folder / "train.parquet", compression="zstd")

    return write


def long_list(folder: Path) -> None:
    captions = pa.ListArray.from_arrays(
        pa.array([0, 20_000_000], pa.int32()), pa.array(np.full(20_000_000, "")).cast(pa.string())
    )
    table = pa.table({"image": ["a.png"], "caption": captions})
    pq.write_table(table, folder / "train.parquet", compression="zstd")


def overlapping_tiff(tags: int) -> bytes:
    """A TIFF whose tags all say that the whole file is their value."""
    size = 1 << 20
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", tags + 2)
    entries = struct.pack("<HHII", 256, 4, 1, 8) + struct.pack("<HHII", 257, 4, 1, 8)
    for number in range(tags):
        entries += struct.pack("<HHII", 1000 + number, 1, size - 64, 32)
    return (head + entries + bytes(4)).ljust(size, b"\0")


def frames_gif(frames: int) -> bytes:
    out = io.BytesIO()
    pictures = [Image.new("P", (64, 48), n % 250) for n in range(frames)]
    pictures[0].save(out, "gif", save_all=True, append_images=pictures[1:])
    return out.getvalue()


def image_file(suffix: str, body: Callable[[], bytes]) -> Write:
    def write(folder: Path) -> None:
        (folder / f"bomb.{suffix}").write_bytes(body())
        jsonl({"image": f"bomb.{suffix}", "caption": "a bomb"})(folder)

    return write


def saved(kind: str, width: int, height: int, mode: str = "RGB") -> Callable[[], bytes]:
    def body() -> bytes:
        out = io.BytesIO()
        Image.new(mode, (width, height)).save(out, kind)
        return out.getvalue()

    return body


def many_values(folder: Path) -> None:
    """A TFRecord of an Example whose numbers take 16 bytes each once they are read."""
    numbers = b"\x0a" + varint(30 * MEGABYTE) + b"\1" * 30 * MEGABYTE
    feature = b"\x1a" + varint(len(numbers)) + numbers
    entry = b"\x0a\x01x\x12" + varint(len(feature)) + feature
    features = b"\x0a" + varint(len(entry)) + entry
    (folder / "train.tfrecord").write_bytes(
        tfrecord(b"\x0a" + varint(len(features)) + features, *[b""] * 3)
    )


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def long_chain(folder: Path) -> None:
    chain = (header("././@LongLink", tarfile.GNUTYPE_LONGNAME, 2) + b"a".ljust(512, b"\0")) * 5_000
    (folder / "train.tar").write_bytes(chain)


def sparse(folder: Path) -> None:
    with gzip.open(folder / "train.tar.gz", "wb") as out:
        for block in sparse_header(400_000):
            out.write(block)


def halves(folder: Path) -> None:
    """Images of one family without a caption, each of random bytes that cannot be packed."""
    with tarfile.open(folder / "train.tar", "w") as tar:
        body = np.random.default_rng(0).bytes(20 * MEGABYTE)
        for number in range(25):
            info = tarfile.TarInfo(f"a.{number}.png")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


def chunks_zstd(path: Path, mode: str) -> contextlib.AbstractContextManager:
    return zstandard.open(path, mode)


SPACES = b" " * MEGABYTE
START_OF_COCO = b'{"images": [{"id": 1, "file_name": "a.png"}],'
END_OF_COCO = b'"annotations": [{"image_id": 1, "caption": "c"}]}'
HUGE = 1 << 30
WRITERS: dict[str, Write] = {
    "parquet-200-MB-caption-shared": shared_cell("caption", 200 * MEGABYTE),
    "parquet-90-MB-image-shared": shared_cell("image", 90 * MEGABYTE),
    "parquet-list-of-20,000,000": long_list,
    "tar.gz-pax-header-1-GiB": repeated(
        "train.tar.gz", header("x", tarfile.XHDTYPE, HUGE), SPACES, 1024
    ),
    "tar.gz-long-name-1-GiB": repeated(
        "train.tar.gz", header("x", tarfile.GNUTYPE_LONGNAME, HUGE), b"a" * MEGABYTE, 1024
    ),
    "tar-5,000-long-names": long_chain,
    "tar.gz-sparse-map": sparse,
    "tar-25-halves-of-20-MiB": halves,
    "tar.gz-zeros-1-GiB": repeated(
        "train.tar.gz", header("a.png", tarfile.REGTYPE, HUGE), bytes(MEGABYTE), 1024
    ),
    "coco.gz-1.5-GiB-spaces": repeated("train.json.gz", START_OF_COCO, SPACES, 1536, END_OF_COCO),
    "jsonl.gz-endless-line": repeated("train.jsonl.gz", lines(), b"x" * MEGABYTE, 1024),
    "jsonl.bz2-endless-line": repeated(
        "train.jsonl.bz2", lines(), b"x" * MEGABYTE, 1024, opened=bz2.open
    ),
    "jsonl.xz-endless-line": repeated(
        "train.jsonl.xz", lines(), b"x" * MEGABYTE, 1024, opened=lzma.open
    ),
    "jsonl.zst-endless-line": repeated(
        "train.jsonl.zst", lines(), b"x" * MEGABYTE, 1024, opened=chunks_zstd
    ),
    "jsonl.gz-500,000,000-lines": repeated("train.jsonl.gz", lines(), b"x\n" * 500_000, 1000),
    "jsonl-line-of-55-MiB": repeated("train.jsonl", lines(), b"x" * MEGABYTE, 55, opened=open),
    "jsonl-line-of-lists": repeated(
        "train.jsonl", lines() + b"[", b"[],[]," * 100_000, 80, b"0]\n", opened=open
    ),
    "csv.gz-endless-line": repeated(
        "train.csv.gz", b"image,caption\na.png,a\n", b"x" * MEGABYTE, 1024
    ),
    "csv-50,000,000-cells": repeated(
        "train.csv", b"image,caption\na.png,a\n", b"," * MEGABYTE, 50, opened=open
    ),
    "csv-header-of-50-MiB": repeated("train.csv", b"image", b",x" * MEGABYTE, 25, opened=open),
    "tfrecord-length-field": lambda folder: _put_record(folder),
    "tfrecord-30,000,000-numbers": many_values,
    "jsonl-million-digits": jsonl('{"image": "a.png", "caption": "c", "id": ' + "9" * 10**6 + "}"),
    "jsonl-1,000,000-captions": jsonl({"image": "a.png", "caption": ["c"] * 400_000}),
    "jsonl-base64-45-MB": lambda folder: jsonl(base64_row(picture(9) + bytes(33 * MEGABYTE)))(
        folder
    ),
    "png-60,000-x-60,000": image_file("png", lambda: bomb_png(60_000, 60_000)),
    "png-7,000-x-7,000": image_file("png", lambda: bomb_png(7_000, 7_000)),
    "webp-7,000-x-7,000": image_file("webp", saved("webp", 7_000, 7_000)),
    "avif-7,000-x-7,000": image_file("avif", saved("avif", 7_000, 7_000)),
    "tiff-7,000-x-7,000-cmyk": image_file("tiff", saved("tiff", 4_800, 5_000, "CMYK")),
    "gif-7,000-x-7,000": image_file("gif", saved("gif", 7_000, 7_000, "P")),
    "gif-5,000-frames": image_file("gif", lambda: frames_gif(5_000)),
    "jpeg-7,000-x-7,000": image_file("jpeg", saved("jpeg", 7_000, 7_000)),
    "tiff-2,000-overlapping-tags": image_file("tiff", lambda: overlapping_tiff(2_000)),
}


def _put_record(folder: Path) -> None:
    body = tfrecord(b"")
    (folder / "train.tfrecord").write_bytes(_length(1 << 62) + body)


def _length(size: int) -> bytes:
    from components.example_gen.readers.tfrecord import masked_crc

    head = struct.pack("<Q", size)
    return head + struct.pack("<I", masked_crc(head))


def bombs() -> list[Case]:
    """All of them; what refuses a file may name it, and what refuses a record its reason."""
    return [Case("bomb", name, write, glob="train.*") for name, write in WRITERS.items()]
