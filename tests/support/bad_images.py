"""Twelve kinds of bad or odd image, as files of 1,240 records come with in the wild."""

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.ingest import picture, shapes

SIZE = (200, 150)
EACH = 20
ORIENTATION = 0x0112  # the EXIF tag
TURNED = 6  # its value for a camera held upright


def jpeg(seed: int, **options) -> bytes:
    """Coarse shapes with grain, so that a tenth of the file is more than its header."""
    rng = np.random.default_rng(seed)
    coarse = np.asarray(shapes(seed, SIZE), np.int16)
    grain = rng.integers(-20, 21, coarse.shape)
    return saved(Image.fromarray((coarse + grain).clip(0, 255).astype(np.uint8)), **options)


def saved(image: Image.Image, kind: str = "jpeg", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


def flipped(seed: int) -> bytes:
    """A PNG with one bit of its pixels wrong, which its checksum tells."""
    body = bytearray(picture(seed, "png", SIZE))
    at = random.Random(seed).randrange(body.index(b"IDAT") + 4, len(body) - 16)
    body[at] ^= 1 << seed % 8
    return bytes(body)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG with its checksum."""
    checked = kind + body
    return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))


@functools.cache
def blank() -> bytes:
    """The pixels of 30,000 x 30,000 at one bit each: 112 MB, packed into a few hundred kB."""
    return chunk(b"IDAT", zlib.compress(b"\0" * (30_000 * (1 + 30_000 // 8)), 1))


def bomb(seed: int) -> bytes:
    """30,000 x 30,000 pixels in less than 1 MB."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"tEXt", b"n\0%d" % seed), blank(), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def exif(seed: int) -> bytes:
    tags = Image.Exif()
    tags[ORIENTATION] = TURNED
    return jpeg(seed, exif=tags)


def sixteen_bits(seed: int) -> bytes:
    grey = np.asarray(opened(picture(seed, "png", SIZE)).convert("L"), np.uint16) * 257
    return saved(Image.fromarray(grey), "png")


def animated(seed: int) -> bytes:
    frames = [opened(picture(seed + n, "png", SIZE)) for n in range(3)]
    return saved(frames[0], "gif", save_all=True, append_images=frames[1:])


def cut(seed: int) -> bytes:
    body = jpeg(seed)
    return body[: int(len(body) * (0.1, 0.5, 0.99)[seed % 3])]


def header_only(seed: int) -> bytes:
    body = jpeg(seed)
    return body[: body.index(b"\xff\xda")]


# Kind: how it is made, and the reason for which it is refused, None where it is used.
KINDS: dict[str, tuple[Callable[[int], bytes], str | None]] = {
    "empty": (lambda seed: b"", "empty_image"),
    "cut": (cut, "damaged_pixels"),
    "flipped": (flipped, "damaged_pixels"),
    "html": (lambda seed: b"<!DOCTYPE html><title>404 number %d</title>" % seed, "not_an_image"),
    "extension": (lambda seed: picture(seed, "png", SIZE), None),
    "cmyk": (lambda seed: saved(opened(jpeg(seed)).convert("CMYK")), None),
    "sixteen": (sixteen_bits, None),
    "animated": (animated, None),
    "progressive": (lambda seed: jpeg(seed, progressive=True), None),
    "exif": (exif, None),
    "bomb": (bomb, "too_many_pixels"),
    "header": (header_only, "damaged_header"),
}


def write_good(folder: Path, count: int) -> None:
    """JPEGs with a caption beside each."""
    folder.mkdir(parents=True)
    for seed in range(count):
        _write(folder, f"good-{seed:04d}", jpeg(seed), seed)


def write_bad(folder: Path) -> None:
    """Twenty of each kind, all of them called .jpg."""
    for number, (kind, (make, _)) in enumerate(KINDS.items()):
        for n in range(EACH):
            seed = 10_000 * (number + 1) + n
            _write(folder, f"{kind}-{n:02d}", make(seed), seed)


def _write(folder: Path, name: str, image: bytes, seed: int) -> None:
    (folder / f"{name}.jpg").write_bytes(image)
    (folder / f"{name}.txt").write_text(f"picture number {seed}\n")


def names(kind: str) -> Iterator[str]:
    """The keys of the records of a kind."""
    return (f"{kind}-{n:02d}" for n in range(EACH))
