"""What an index of a folder holds at one moment."""

import functools
from collections.abc import Mapping

import numpy as np

from diptych.client.collection import AttributeTable
from diptych.client.folder_index.cache import Entry
from diptych.client.folder_index.scan import Scan

FOLDER = "folder"  # the one attribute of a file: the folder that it is in


class State:
    """An index that never changes: it is replaced as a whole, so that searches see no half of it.

    Args:
        entries: by key, of images and of files whose content cannot be used.
        failures: of files that could not be read this time.
        dim: values of an embedding.

    Attributes:
        keys: of the images, in order.
        vectors: float32 [n, d].
    """

    def __init__(self, entries: Mapping[str, Entry], failures: Mapping[str, str], dim: int):
        vectors = {key: e.vector for key, e in sorted(entries.items()) if e.vector is not None}
        self.keys = tuple(vectors)
        self.vectors = np.array([*vectors.values()], np.float32).reshape(len(vectors), dim)
        self._passing = dict(failures)
        rows = dict(zip(self.keys, self.vectors, strict=True))  # so that each is held once
        self.entries = {key: e._replace(vector=rows.get(key)) for key, e in entries.items()}
        failed = {key: e.failure for key, e in entries.items() if e.vector is None}
        self.failures = dict(sorted({**failures, **failed}.items()))

    def holds(self, entries: Mapping[str, Entry], failures: Mapping[str, str]) -> bool:
        """Whether an index of these entries and failures would be the same."""
        return (
            entries.keys() == self.entries.keys()
            and failures == self._passing
            and all(e.fingerprint == self.entries[key].fingerprint for key, e in entries.items())
        )

    @functools.cached_property
    def attributes(self) -> AttributeTable:
        """The folders of the images."""
        return AttributeTable({FOLDER: folder_of(key)} for key in self.keys)


def folder_of(key: str) -> str:
    """Return the folder of an image below the indexed one; '.' for that one itself."""
    return key.rpartition("/")[0] or "."


def current(known: Mapping[str, Entry], there: Scan) -> dict[str, Entry]:
    """Return what is known of files that are as they were when they were embedded."""
    return {
        key: known[key]
        for key, fingerprint in there.files.items()
        if key in known and known[key].fingerprint == fingerprint
    }
