"""Embed the images below a folder, and search them."""

import contextlib
import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from components.catalogue_index import exact, thumbnails
from diptych.client.backends.backend import Backend
from diptych.client.batches import Read, batches
from diptych.client.collection import Hit, checked_query, search_among
from diptych.client.folder_index.cache import Entry, EntryCache
from diptych.client.folder_index.scan import Fingerprint, Scan, scan
from diptych.client.folder_index.state import FOLDER, State, current, folder_of
from diptych.client.images import (
    LARGE,
    LIMITS,
    UNDECODABLE,
    Encoded,
    UnusableImageError,
    encode_bytes,
    read_file,
)
from schema.errors import InputError

_SECONDS_BETWEEN_WRITES = 2.0
_THUMBNAILS_KEPT = 2048

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Changes:
    """What `FolderIndex.refresh` did.

    Attributes:
        embedded: images that were new or had changed.
        unchanged: images whose embeddings were known.
        removed: images that are not there any more.
        failed: files that cannot be used.
    """

    embedded: int
    unchanged: int
    removed: int
    failed: int


class FolderIndex:
    """The `Collection` of the images below a folder; keys are their paths below it.

    Args:
        backend: the model that embeds.
        folder: of images.
        progress: called with how many images are done, and of how many.

    Raises:
        InputError: the folder cannot be read, or the model does not answer.
    """

    def __init__(self, backend: Backend, folder: str | Path, progress: Progress | None = None):
        if not isinstance(folder, str | Path):
            raise InputError(f"a folder is given by its path, not by {type(folder).__name__}")
        given = Path(folder)
        # Paths are shown and copied, so they go without '..'; else links stay as they are named.
        self._folder = given.resolve() if ".." in given.parts else given.absolute()
        self._backend = backend
        self._cache = EntryCache(self._folder, backend.digest, backend.dim)
        self._refreshing = threading.Lock()
        self._state: State | None = None
        self._version = 0
        self._shrunk = functools.lru_cache(_THUMBNAILS_KEPT)(self._shrink)
        self.refresh(progress)

    @property
    def folder(self) -> Path:
        """Return the folder that is indexed."""
        return self._folder

    @property
    def keys(self) -> Sequence[str]:
        """Return the paths of all images below the folder, in order."""
        return self._now.keys

    @property
    def dim(self) -> int:
        """Return how many values an embedding has."""
        return self._backend.dim

    @property
    def failures(self) -> Mapping[str, str]:
        """Return why files could not be used, by their path below the folder."""
        return self._now.failures

    @property
    def version(self) -> int:
        """Return a number that grows whenever a refresh changes what the index holds."""
        return self._version

    def refresh(self, progress: Progress | None = None) -> Changes:
        """Take up what was added, changed and deleted since the last time.

        Searches go on meanwhile and see the index as it was. Where nothing has changed, this costs
        the listing of the folder only.

        Args:
            progress: as of the class.

        Raises:
            InputError: the folder cannot be read, or the model does not answer; the index is as it
                was, and what was embedded until then is not embedded again.
        """
        with self._refreshing:
            there, before = scan(self._folder), self._state
            known = self._cache.read() if before is None else before.entries
            entries = current(known, there)
            if before is not None:  # another program may have embedded what is new
                entries |= current(self._cache.read(there.files.keys() - entries.keys()), there)
            unchanged, failures = len(entries), dict(there.failures)
            todo = [key for key in there.files if key not in entries]
            report = progress or (lambda *_: None)
            report(unchanged, len(there.files))
            done = unchanged
            with self._keeping() as keep:
                for new, failed, count in self._embed(todo, there):
                    entries |= new
                    failures |= failed
                    keep(new)
                    done += count
                    report(done, len(there.files))
            gone = known.keys() - there.files.keys()
            self._cache.remove(there.surely_gone(gone))
            if before is None or not before.holds(entries, failures):
                self._state = before = State(entries, failures, self.dim)
                self._version += 1
        return Changes(
            embedded=len(todo), unchanged=unchanged, removed=len(gone), failed=len(before.failures)
        )

    def search(
        self, query: np.ndarray, k: int, where: Mapping[str, str] | None = None
    ) -> list[Hit]:
        """Return the images whose embeddings have the largest inner product with a query.

        Args:
            query: float32 [d].
            k: most answers.
            where: {'folder': path below the indexed one}, to search in that folder alone.

        Raises:
            InputError: the query is of another size or not finite, or `k` is less than 1.
        """
        state = self._now
        queries = checked_query(query, self.dim, k)
        if not state.keys:
            return []
        if where:
            among = state.attributes.positions(where)
            positions, scores = search_among(queries, state.vectors, among, k)
        else:
            [positions], [scores] = exact.top_k(queries, state.vectors, min(k, len(state.keys)))
        return [
            Hit(state.keys[position], float(score), self._folder / state.keys[position])
            for position, score in zip(positions, scores, strict=True)
        ]

    def thumbnail(self, key: str) -> bytes | None:
        """Return a small image as WebP; None: it cannot be read now, or there is no such key."""
        entry = self._now.entries.get(key)
        if entry is None:
            return None
        try:
            return self._shrunk(key, entry.fingerprint)
        except UnusableImageError:  # not kept: it may be readable the next time
            return None

    def captions(self, key: str) -> Sequence[str]:  # noqa: ARG002  as of Collection
        """Return no captions: a folder has none."""
        return ()

    def attributes(self, key: str) -> Mapping[str, str]:
        """Return the folder that an image is in, below the indexed one."""
        return {FOLDER: folder_of(key)} if key in self._now.entries else {}

    def attribute_counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many images are in each folder."""
        return self._now.attributes.counts()

    @property
    def _now(self) -> State:
        assert self._state is not None  # set by the first refresh
        return self._state

    def _embed(
        self, keys: Sequence[str], there: Scan
    ) -> Iterator[tuple[dict[str, Entry], dict[str, str], int]]:
        """Yield for each batch the new entries, the failures that may pass, and its size."""
        read: dict[str, Fingerprint] = {}  # what was read: a file may have changed since the scan

        def encode(key: str) -> Encoded:
            data, status = read_file(self._folder / key)
            read[key] = Fingerprint.of(status)
            return encode_bytes(data)

        for batch in batches(keys, encode, lambda key: there.files[key].size > LARGE):
            entries, failures = {}, {}
            for one, vector in self._vectors(batch):
                failure = one.failure or ("" if vector is not None else UNDECODABLE)
                if one.item in read:
                    entries[one.item] = Entry(read.pop(one.item), vector, failure)
                else:  # it could not be opened, which may be different the next time
                    failures[one.item] = failure
            yield entries, failures, len(batch)

    def _vectors(self, batch: list[Read[str]]) -> Iterator[tuple[Read[str], np.ndarray | None]]:
        images = [one.image.data for one in batch if one.image is not None]
        embeddings, valid = self._backend.embed_images(images) if images else ((), ())
        answers = iter(zip(embeddings, valid, strict=True))
        for one in batch:
            vector, is_valid = next(answers) if one.image is not None else (None, False)
            yield one, vector if is_valid else None

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[Callable[[dict[str, Entry]], None]]:
        """Write entries into the cache now and then, and at the end, whatever ends it."""
        waiting: dict[str, Entry] = {}
        written = time.monotonic()

        def keep(entries: dict[str, Entry]) -> None:
            nonlocal written
            waiting.update(entries)
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                self._cache.write(waiting)
                waiting.clear()
                written = time.monotonic()

        try:
            yield keep
        finally:
            self._cache.write(waiting)

    def _shrink(self, key: str, _: Fingerprint) -> bytes | None:
        data = read_file(self._folder / key)[0]
        return thumbnails.thumbnail(data, thumbnails.LARGEST, LIMITS)
