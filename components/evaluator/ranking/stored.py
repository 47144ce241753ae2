"""Embedded records whose vectors lie in a file.

Beam pickles what passes from one stage to the next and holds it until the pipeline ends. So the
vectors of a batch are written once, Beam moves the name of their file, and each stage reads what it
needs.
"""

import contextvars
import dataclasses
import uuid
from collections.abc import Sequence

import numpy as np
from tfx.dsl.io import fileio

from components.evaluator.ranking.embedded import Embedded

# Where the embeddings of the evaluation at hand are kept. TFX hands `custom_extractors` nothing of
# ours but the EvalConfig, which TFMA writes into the artifact; and it loads that module anew.
FOLDER: contextvars.ContextVar[str] = contextvars.ContextVar("FOLDER")
TYPE = np.dtype("<f4")


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of float32 in a file, from the byte `start` on."""

    path: str
    start: int
    shape: tuple[int, int]

    def read(self) -> np.ndarray:
        """Read them, float32 [n, d].

        Raises:
            RuntimeError: the file is shorter than when it was written.
        """
        length = self.shape[0] * self.shape[1] * TYPE.itemsize
        with fileio.open(self.path, "rb") as file:
            file.seek(self.start)
            body = file.read(length)
        if len(body) != length:
            raise RuntimeError(f"{self.path} was cut off: {self} holds {len(body)} bytes")
        return np.frombuffer(body, TYPE).reshape(self.shape)


@dataclasses.dataclass(frozen=True)
class Stored:
    """A batch of embedded records.

    Attributes:
        records: the batch with vectors of width 0.
        images: their embeddings.
        texts: the embeddings of their distinct texts.
    """

    records: Embedded
    images: Rows
    texts: Rows

    @classmethod
    def write(cls, embedded: Embedded, folder: str) -> "Stored":
        """Write the vectors to a file of their own, in a folder that every worker reaches."""
        fileio.makedirs(folder)
        path, start, rows = f"{folder}/{uuid.uuid4().hex}", 0, []
        with fileio.open(path, "wb") as file:
            for vectors in (embedded.images, embedded.texts):
                body = np.ascontiguousarray(vectors, TYPE).tobytes()
                file.write(body)
                rows.append(Rows(path, start, vectors.shape))
                start += len(body)
        records = dataclasses.replace(
            embedded, images=embedded.images[:, :0].copy(), texts=embedded.texts[:, :0].copy()
        )
        return cls(records, *rows)

    def read(self) -> Embedded:
        """The batch as it was written."""
        return dataclasses.replace(self.records, images=self.images.read(), texts=self.texts.read())


def read_all(parts: Sequence[Rows]) -> np.ndarray:
    """The rows of several files in one array, without a second copy of them all."""
    rows = sum(part.shape[0] for part in parts)
    joined = np.empty((rows, parts[0].shape[1] if parts else 0), np.float32)
    start = 0
    for part in parts:
        joined[start : start + part.shape[0]] = part.read()
        start += part.shape[0]
    return joined
