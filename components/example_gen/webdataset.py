"""Read WebDataset shards: tar files whose neighbouring members `key.png`, `key.json` are a record.

Format: https://github.com/webdataset/webdataset. The key is the member's path up to the first dot
of its file name. The image is the member with an image suffix; captions come from `.txt` (one) or
`.json` (`captions`, and optionally `labels` and `attributes`).
"""

import json
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

import tensorflow as tf

from components.example_gen.record import Record
from schema.errors import InputError

IMAGE_SUFFIXES = ("bmp", "gif", "jpeg", "jpg", "png", "webp")


def read_shard(path: str) -> Iterator[Record]:
    """Yield the records of one shard, in order.

    Args:
        path: a `.tar` or `.tar.gz` file; any file system TensorFlow reads.

    Raises:
        InputError: the shard is cut off, holds no record, or a record lacks its image or captions.
    """
    key, parts, count = None, {}, 0
    for name, body in _members(path):
        member_key, suffix = _split(name)
        if key is not None and member_key != key:
            yield _record(path, key, parts)
            parts, count = {}, count + 1
        key = member_key
        if suffix in parts:
            raise InputError(f"{path}: {name} stands in the shard twice")
        parts[suffix] = body
    if key is None:
        raise InputError(f"{path}: holds no record")
    yield _record(path, key, parts)


def _members(path: str) -> Iterator[tuple[str, bytes]]:
    last = "the start"
    try:
        with (
            tf.io.gfile.GFile(path, "rb") as raw,
            tarfile.open(fileobj=raw, mode="r|*") as tar,
        ):
            for member in tar:
                # WebDataset ignores members whose name begins with two underscores.
                if member.isfile() and not PurePosixPath(member.name).name.startswith("__"):
                    opened = tar.extractfile(member)
                    assert opened is not None  # a regular file always opens
                    yield member.name, opened.read()
                    last = member.name
    except (tarfile.TarError, EOFError, OSError, zlib.error, tf.errors.OpError) as error:
        raise InputError(f"{path}: the tar is damaged or cut off after {last}") from error


def _split(name: str) -> tuple[str, str]:
    path = PurePosixPath(name)
    stem, _, suffix = path.name.partition(".")
    return str(path.with_name(stem)), suffix.lower()


def _record(path: str, key: str, parts: dict[str, bytes]) -> Record:
    source = f"{path}: {key}"
    images = [body for suffix, body in parts.items() if suffix in IMAGE_SUFFIXES]
    if len(images) != 1:
        raise InputError(f"{source}: has {len(images) or 'no'} images, one is expected")
    try:
        if "json" not in parts:
            captions = [parts["txt"].decode()] if "txt" in parts else []
            return Record(source, key, images[0], captions)
        meta = json.loads(parts["json"])
    except ValueError as error:
        raise InputError(f"{source}: its text is not UTF-8 or its JSON does not parse") from error
    if not isinstance(meta, dict):
        raise InputError(f"{source}: its JSON is no object")
    captions, labels = meta.get("captions", []), meta.get("labels")
    attributes = meta.get("attributes", {})
    if not isinstance(captions, list) or not all(isinstance(c, str) for c in captions):
        raise InputError(f"{source}: 'captions' must be a list of strings")
    if labels is not None and not _integers(labels):
        raise InputError(f"{source}: 'labels' must be a list of 0 and 1")
    if not isinstance(attributes, dict):
        raise InputError(f"{source}: 'attributes' must be an object")
    texts = {name: str(value) for name, value in attributes.items()}
    return Record(source, key, images[0], captions, labels, texts)


def _integers(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int for value in values)
