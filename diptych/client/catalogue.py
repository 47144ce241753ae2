"""The index of a release as a collection that a page can show."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from components.catalogue_index import shown
from components.catalogue_index.index import CatalogueIndex
from diptych.client.collection import AttributeTable, Hit, checked_query, search_among
from schema.errors import InputError


class Catalogue:
    """The `Collection` of the images that a release was indexed with.

    Args:
        folder: of the index, in a release.

    Raises:
        InputError: there is no index, or a file of it is damaged.
    """

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise InputError(
                f"{folder}: is not there: the release has no index; add `index: {{}}` to the "
                "config that made it, or index a folder"
            )
        self._index = CatalogueIndex.load(folder)
        self._keys = tuple(self._index.keys)
        self._positions = {key: position for position, key in enumerate(self._keys)}
        count = len(self._keys)
        self._records = shown.Records(folder, count) if (folder / shown.RECORDS).exists() else None
        self._thumbnails = (
            shown.Thumbnails(folder, count) if (folder / shown.OFFSETS).exists() else None
        )

    @property
    def keys(self) -> Sequence[str]:
        """Return the keys of all images, in the order of the index."""
        return self._keys

    @property
    def dim(self) -> int:
        """Return how many values an embedding has."""
        return self._index.report.dim

    def search(
        self, query: np.ndarray, k: int, where: Mapping[str, str] | None = None
    ) -> list[Hit]:
        """Return the images whose embeddings have the largest inner product with a query.

        With `where` the search is exact, whatever the kind of the index.

        Args:
            query: float32 [d].
            k: most answers.
            where: attributes that an answer must have, all of them.

        Raises:
            InputError: the query is of another size or not finite, or `k` is less than 1.
        """
        queries = checked_query(query, self.dim, k)
        if where:
            among = self._attributes.positions(where)
            positions, scores = search_among(queries, self._index.vectors, among, k)
        else:
            [positions], [scores] = self._index.positions(queries, k)
        return [
            Hit(self._keys[position], float(score), None)
            for position, score in zip(positions, scores, strict=True)
        ]

    def thumbnail(self, key: str) -> bytes | None:
        """Return a small image as WebP; None: there is none, or no such key."""
        position = self._positions.get(key)
        if position is None or self._thumbnails is None:
            return None
        return self._thumbnails[position]

    def captions(self, key: str) -> Sequence[str]:
        """Return the captions of an image; none of a key that is not there."""
        record = self._record(key)
        return () if record is None else record.captions

    def attributes(self, key: str) -> Mapping[str, str]:
        """Return the attributes of an image; none of a key that is not there."""
        record = self._record(key)
        return {} if record is None else record.attributes

    def attribute_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many images have each value of each attribute, by name and value."""
        return self._attributes.counts()

    def _record(self, key: str) -> shown.Record | None:
        position = self._positions.get(key)
        return None if position is None or self._records is None else self._records[position]

    @functools.cached_property
    def _attributes(self) -> AttributeTable:
        return AttributeTable(record.attributes for record in self._records or ())
