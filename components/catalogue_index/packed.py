"""What Beam's workers write of the embedded images and captions, and read it again."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

IMAGES, CAPTIONS = "images", "captions"  # what the files' names begin with
RECORDS, THUMBNAILS = "records", "thumbnails"  # what is packed beside the embeddings of images


def pack(
    keys: list[str],
    vectors: np.ndarray,
    records: Sequence[bytes] = (),
    thumbnails: Sequence[bytes] = (),
) -> bytes:
    """Write keys [n], float32 [n, d], and two lists of byte strings as bytes."""
    arrays: dict[str, Any] = {}
    for name, pieces in ((RECORDS, records), (THUMBNAILS, thumbnails)):
        arrays[name] = np.frombuffer(b"".join(pieces), np.uint8)
        arrays[f"{name} ends"] = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    file = io.BytesIO()
    packed = np.frombuffer(json.dumps(keys).encode(), np.uint8)
    np.savez(file, keys=packed, vectors=vectors, **arrays)
    return file.getvalue()


def read_batches(folder: str, what: str) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield the (keys [n], vectors [n, d]) that were packed; `what` is IMAGES or CAPTIONS."""
    for arrays in _packed(folder, what):
        yield json.loads(arrays["keys"].tobytes()), arrays["vectors"]


def read_pieces(folder: str, name: str) -> Iterator[list[bytes]]:
    """Yield the byte strings beside each batch of images; `name` is RECORDS or THUMBNAILS."""
    for arrays in _packed(folder, IMAGES):
        joined, ends = arrays[name].tobytes(), arrays[f"{name} ends"].tolist()
        yield [joined[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _packed(folder: str, what: str) -> Iterator[Mapping[str, np.ndarray]]:
    files = sorted(tf.io.gfile.glob(f"{folder}/{what}-*"))
    for packed in tf.data.TFRecordDataset(files).as_numpy_iterator():
        with np.load(io.BytesIO(packed)) as arrays:
            yield arrays
