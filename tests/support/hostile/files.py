"""Data sets that mean harm, or are damaged: written from a seed, a folder for each.

Each writes the files of one split, `train*`, into a folder. Two images that are good are beside
them, so that what is good can be told from what is not.
"""

import base64
import dataclasses
import gzip
import io
import json
import random
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from PIL import Image

MEGABYTE = 1 << 20
GOOD = 2  # images a.png and b.png in every folder


@dataclasses.dataclass(frozen=True)
class Case:
    """One data set.

    Attributes:
        kind: what it is one of.
        name: of the case.
        write: writes it into a folder.
        format: `data.format`.
        glob: of its files.
        reasons: that records may be refused for; none: the file may be refused as a whole.
    """

    kind: str
    name: str
    write: Callable[[Path], None]
    format: str = "auto"
    glob: str = "train*"
    reasons: tuple[str, ...] = ()


def picture(seed: int) -> bytes:
    """A small PNG, like no other."""
    out = io.BytesIO()
    Image.frombytes("RGB", (16, 12), random.Random(seed).randbytes(16 * 12 * 3)).save(out, "png")
    return out.getvalue()


def images(folder: Path) -> None:
    """Write the good images."""
    for number, name in enumerate("ab"):
        (folder / f"{name}.png").write_bytes(picture(number))


def lines(*rows: Any) -> bytes:
    """JSON Lines: the good rows, and these."""
    good = [{"image": f"{name}.png", "caption": f"a {name}"} for name in "ab"]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in (*good, *rows)]
    return "\n".join(texts).encode() + b"\n"


def jsonl(*rows: Any) -> Callable[[Path], None]:
    return lambda folder: _put(folder / "train.jsonl", lines(*rows))


def _put(path: Path, body: bytes) -> None:
    path.write_bytes(body)


def _tar(members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def _good_tar() -> bytes:
    pairs = [(f"{n}.png", picture(n)) for n in range(6)] + [(f"{n}.txt", b"a c") for n in range(6)]
    return _tar(sorted(pairs))


def _coco(images: Any = None, annotations: Any = None) -> bytes:
    rows = images or [{"id": n, "file_name": f"{name}.png"} for n, name in enumerate("ab")]
    texts = annotations or [{"image_id": n, "caption": "a c"} for n in range(2)]
    return json.dumps({"images": rows, "annotations": texts}).encode()


def _parquet(**columns: list) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def tfrecord(*records: bytes) -> bytes:
    from components.example_gen.readers.tfrecord import masked_crc

    out = b""
    for body in records:
        head = struct.pack("<Q", len(body))
        out += head + struct.pack("<I", masked_crc(head)) + body
        out += struct.pack("<I", masked_crc(body))
    return out


def _example(image: bytes) -> bytes:
    import tensorflow as tf

    def texts(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    feature = {"image/encoded": texts(image), "image/caption": texts(b"a c")}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def whole() -> dict[str, bytes]:
    """A good file of each format."""
    pictures = [picture(n) for n in range(6)]
    return {
        "train.tar": _good_tar(),
        "train.tar.gz": gzip.compress(_good_tar(), mtime=0),
        "train.jsonl": lines(),
        "train.jsonl.zst": zstandard.compress(lines() * 20),
        "train.csv": b"image,caption\na.png,a c\nb.png,a d\n",
        "train.parquet": _parquet(image=pictures, caption=["a c"] * 6),
        "train.json": _coco(),
        "train.tfrecord": tfrecord(*map(_example, pictures)),
        "train.png": pictures[0],
    }


def damaged(count: int, seed: int) -> list[Case]:
    """Files of every format with bytes lost, flipped, repeated, zeroed or put in."""
    files = whole()
    cases = []
    for number in range(count):
        name = list(files)[number % len(files)]
        body = _damage(files[name], random.Random(f"{seed}/{number}"))

        def write(folder: Path, name: str = name, body: bytes = body) -> None:
            if name == "train.png":  # a folder of images
                (folder / "train").mkdir()
                _put(folder / "train/1.png", body)
                _put(folder / "train/1.txt", b"a c")
            else:
                _put(folder / name, body)

        cases.append(Case("damaged", f"{number}-{name}", write, glob=name.replace(".png", "")))
    return cases


def _damage(body: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(body))
    size = rng.choice([1, 4, 64, 512])
    kind = rng.randrange(6)
    if kind == 0:
        return body[:at]
    if kind == 1:
        changed = bytearray(body)
        for _ in range(rng.choice([1, 3, 30])):
            changed[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == 2:
        return body[:at] + bytes(size) + body[at + size :]
    if kind == 3:
        return body[:at] + rng.randbytes(size) + body[at:]
    if kind == 4:
        return body[:at] + body[at + size :]
    return body[:at] + body[max(0, at - size) :]


def nested() -> list[Case]:
    """Captions, images, keys and whole texts inside of many lists and objects."""
    cases = []
    for depth in (9, 100, 600, 900, 5_000, 100_000):
        for opened, closed in (("[", "]"), ('{"text":', "}")):
            value = opened * depth + '"x"' + closed * depth
            name = f"{opened[0]}{depth}"
            row = f'{{"image": "a.png", "caption": {value}}}'
            cases.append(Case("nested", f"caption-{name}", jsonl(row), reasons=("bad_metadata",)))
            row, none = f'{{"image": {value}, "caption": "c"}}', ("bad_metadata", "no_image")
            cases.append(Case("nested", f"image-{name}", jsonl(row), reasons=none))
        first = ("[" * depth + "\n").encode()

        def write(folder: Path, first: bytes = first) -> None:
            _put(folder / "train.json", first + lines())

        cases.append(
            Case("nested", f"first-line-{depth}", write, "jsonl", reasons=("bad_metadata",))
        )
    return cases


def coco_nested(depth: int) -> bytes:
    """A COCO file of which one annotation is nested."""
    deep = f'{{"image_id": 0, "caption": {"[" * depth}"x"{"]" * depth}}}'
    return _coco()[:-2] + b", " + deep.encode() + b"]}"


def addresses(port: int, secret: Path) -> list[str]:
    """What rows may name that must not be read; `port` is of a server of this machine."""
    up = "../" * 12
    server = f"127.0.0.1:{port}"
    return [
        *("/etc/shadow", "/etc/passwd", "/proc/self/environ", "/proc/kmsg", "/proc/1/environ"),
        *("/dev/zero", "/dev/stdin", "/dev/tty", "/etc", "/", f"{secret}", f"file://{secret}"),
        *(f"FILE://{secret}", f"local://{secret}", f"{up}etc/passwd", f"./{up}etc/passwd"),
        *("..\\..\\..\\etc\\passwd", f"x/../{up}etc/passwd", f"../{secret.name}", ".."),
        *("out/passwd", "passwd.png", "fifo.png", "socket.png", "loop.png", "folder.png"),
        *("http://169.254.169.254/latest/meta-data", f"http://{server}/secret"),
        *(f"http://localhost:{port}/secret", f"http://[::1]:{port}/secret", "http://10.0.0.1/"),
        *("http://192.168.0.1/", "http://172.16.0.1/", f"http://0.0.0.0:{port}/secret"),
        *(f"http://0x7f.0.0.1:{port}/secret", f"http://2130706433:{port}/secret"),
        *(f"http://127.1:{port}/secret", f"http://[::ffff:127.0.0.1]:{port}/secret"),
        *("http://metadata.google.internal/", "https://me:secret@10.0.0.1/x?sign=secret"),
        *(f"http://{server}@example.invalid/", f"http://example.invalid\\@{server}/"),
        *("reference://x", "generic://x", "dir://x", "hf://datasets/x/y", "github://a:b@c/d"),
        *("zip://a::s3://b", "simplecache::file:///etc/passwd", "memory://x", "ftp://h/x"),
        *("smb://h/x", "sftp://h/x", "webhdfs://h/x", "git://x", "data://x", "jupyter://h/x"),
        *("s3://other/x", "gs://other/x", "az://other/x", "http://", "https://[", "://", "\0"),
    ]


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of one colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    rows, packer = bytes(width * 3 + 1), zlib.compressobj(9)
    pixels = b"".join(packer.compress(rows) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def base64_row(image: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(image).decode(), "caption": "a c"}
