"""Images on disk, while their records are grouped.

Grouping, splitting and the search for near duplicates need every record but no pixel. So the bytes
of an image are written to a file once, Beam shuffles only their places, and memory does not grow
with the data.
"""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from tfx.dsl.io import fileio

from components.example_gen.records.examined import Stored

BUFFER = 1 << 20  # bytes that are written at once: a call of TensorFlow's takes as long as 50 kB


class ImageStore:
    """A file that one writer fills; complete for readers once closed.

    Args:
        folder: that every worker reaches; made if it is not there.
    """

    def __init__(self, folder: str):
        fileio.makedirs(folder)
        self._path = f"{folder}/{uuid.uuid4().hex}"
        self._file = fileio.open(self._path, "wb")
        self._end = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def add(self, body: bytes) -> Stored:
        """Write the bytes of one image."""
        stored = Stored(self._path, self._end, len(body))
        self._end += len(body)
        self._waiting.append(body)
        self._waiting_bytes += len(body)
        if self._waiting_bytes >= BUFFER:
            self._flush()
        return stored

    def close(self) -> None:
        """Flush; nothing can be added any more."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write(b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0


def read(places: Iterable[Stored]) -> Iterator[tuple[Stored, bytes]]:
    """Read images back, in the order in which they stand in the files.

    Raises:
        RuntimeError: a file is shorter than when it was written.
    """
    opened: Any = None
    path = ""
    for stored in sorted(set(places)):
        if stored.file != path:
            if opened is not None:
                opened.close()
            path, opened = stored.file, fileio.open(stored.file, "rb")
        opened.seek(stored.offset)
        body = opened.read(stored.length)
        if len(body) != stored.length:
            raise RuntimeError(f"{path} was cut off: {stored} holds {len(body)} bytes")
        yield stored, body
    if opened is not None:
        opened.close()
