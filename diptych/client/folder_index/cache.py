"""Keep the embeddings of a folder's images between programs.

A SQLite database for each folder and model lies below the user's cache folder. Whoever opens one
holds the lock of its folder until it is closed again, which takes milliseconds: two programs may
index the same folder at once, and one that is killed leaves what was written before.
"""

import contextlib
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from components.release.files import atomic_files
from diptych.client.folder_index.scan import Fingerprint
from schema.errors import InputError
from schema.text.messages import first_line

_TABLES_VERSION = 1  # part of the file's name
_MOST_LOOKED_UP = 500  # keys; of more, all rows are read
_UNUSED_DAYS = 90  # after which the embeddings by another model are removed
_TABLES = """
CREATE TABLE IF NOT EXISTS origin (folder TEXT, model TEXT, dim INTEGER);
CREATE TABLE IF NOT EXISTS images (
    key TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, vector BLOB, failure TEXT
);
"""
_LOGGER = logging.getLogger(__name__)


class Entry(NamedTuple):
    """What is known of a file.

    Attributes:
        fingerprint: of the file when it was read.
        vector: float32 [d]; None where `failure` says why.
        failure: without the name of the file; empty if there is none.
    """

    fingerprint: Fingerprint
    vector: np.ndarray | None
    failure: str = ""


def cache_folder() -> Path:
    """Return where programs of this user keep what can be made again.

    Raises:
        RuntimeError: the user has no home.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "diptych"


class EntryCache:
    """The entries of a folder by one model.

    What cannot be read or written is a warning and is embedded anew: an index works without it.

    Args:
        folder: that is indexed.
        digest: of the model.
        dim: values of an embedding.
    """

    def __init__(self, folder: Path, digest: str, dim: int):
        self._dim, place = dim, ""
        self._file: Path | None = None
        with contextlib.suppress(RuntimeError, ValueError):  # a name that none can have
            # Unlike `Path.resolve`, this takes links that lead round in a circle.
            place = os.fsencode(os.path.realpath(folder)).decode(errors="backslashreplace")
            model = f"{_hash(digest)}-{_TABLES_VERSION}.sqlite"
            self._file = cache_folder() / "folders" / _hash(place) / model
        self._origin = (place, digest, dim)

    def read(self, keys: Collection[str] | None = None) -> dict[str, Entry]:
        """Return the entries by key.

        Args:
            keys: those that are looked for; None: all.
        """
        entries: dict[str, Entry] = {}
        select = "SELECT key, size, mtime_ns, vector, failure FROM images"

        def read(database: sqlite3.Connection) -> None:
            entries.clear()
            for row in _rows(database, select, keys):
                key, entry = row[0], self._entry(*row[1:])
                if entry is not None and isinstance(key, str):
                    entries[key] = entry

        if keys is None or len(keys):
            self._with_database(read)
        return entries

    def _entry(self, size: object, mtime_ns: object, blob: object, failure: object) -> Entry | None:
        """Check what a row holds; None: it is damaged."""
        if not isinstance(size, int) or not isinstance(mtime_ns, int):
            return None
        fingerprint = Fingerprint(size, mtime_ns)
        if blob is None:
            is_known = isinstance(failure, str) and failure
            return Entry(fingerprint, None, str(failure)) if is_known else None
        if not isinstance(blob, bytes) or len(blob) != 4 * self._dim:
            return None
        vector = np.frombuffer(blob, np.float32)
        return Entry(fingerprint, vector) if np.isfinite(vector).all() else None

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Add or replace entries, all or none of them."""
        rows = [
            (key, *e.fingerprint, None if e.vector is None else e.vector.tobytes(), e.failure)
            for key, e in entries.items()
        ]
        if rows:
            insert = "INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)"
            self._with_database(lambda database: database.executemany(insert, rows))

    def remove(self, keys: Collection[str]) -> None:
        """Remove entries."""
        rows = [(key,) for key in keys]
        if rows:
            delete = "DELETE FROM images WHERE key = ?"
            self._with_database(lambda database: database.executemany(delete, rows))

    def _with_database(self, use: Callable[[sqlite3.Connection], object]) -> None:
        """Open the database, use it in one transaction and close it."""
        if self._file is None:
            return
        try:
            with atomic_files.exclusive(self._file.parent):
                try:
                    self._use(self._file, use)
                except sqlite3.DatabaseError as error:
                    if not _is_damaged(error):
                        raise  # the disk is full, or may not be written
                    _remove(self._file)
                    self._use(self._file, use)
        except (sqlite3.Error, OSError, InputError) as error:
            _LOGGER.warning(
                "%s: cannot be used (%s); what is embedded now is not kept",
                self._file,
                first_line(error),
            )
            self._file = None

    def _use(self, file: Path, use: Callable[[sqlite3.Connection], object]) -> None:
        with self._connected(file) as database, database:
            database.executescript(_TABLES)
            origins = database.execute("SELECT * FROM origin").fetchall()
            if origins != [self._origin]:
                if origins:
                    raise sqlite3.DatabaseError("the database is of another folder or model")
                _remove_unused(file.parent)
                database.execute("INSERT INTO origin VALUES (?, ?, ?)", self._origin)
            use(database)

    @staticmethod
    @contextlib.contextmanager
    def _connected(file: Path) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(file)
        try:
            yield database
        finally:
            database.close()


def _rows(
    database: sqlite3.Connection, select: str, keys: Collection[str] | None
) -> Iterator[tuple[Any, ...]]:
    if keys is None or len(keys) > _MOST_LOOKED_UP:
        yield from database.execute(select)
        return
    for key in keys:
        yield from database.execute(f"{select} WHERE key = ?", (key,))


def _is_damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether a database is damaged or has other tables; else the system refused its use."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # text that is not UTF-8: none
    return bool(code == sqlite3.SQLITE_ERROR)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _remove(file: Path) -> None:
    """Remove a database and what SQLite wrote to undo a transaction of it."""
    for path in (file, file.with_name(f"{file.name}-journal")):
        path.unlink(missing_ok=True)


def _remove_unused(folder: Path) -> None:
    """Remove the databases of models that nobody has indexed this folder with for long."""
    oldest = time.time() - _UNUSED_DAYS * 24 * 3600
    for file in folder.glob("*.sqlite"):
        if file.stat().st_mtime < oldest:
            _remove(file)
