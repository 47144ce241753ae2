"""The cache of embeddings survives kills, damage, other programs and folders of other people."""

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from diptych.client.folder_index import cache as module
from diptych.client.folder_index.cache import Entry, EntryCache
from diptych.client.folder_index.folder_index import FolderIndex
from diptych.client.folder_index.scan import Fingerprint
from tests.support.client import ColourModel, write_pictures
from tests.support.paths import ROOT

VECTOR = np.array([1, 2, 3], np.float32)
ENTRIES = {
    "a.png": Entry(Fingerprint(1, 2**62), VECTOR),
    "ä\n.png": Entry(Fingerprint(3, 4), None, "has no bytes"),
}


def read(cache) -> dict:
    return {key: (e.fingerprint, e.vector is not None and e.vector.tolist(), e.failure)
            for key, e in cache.read().items()}  # fmt: skip


def file_in(cache):
    [file] = cache.rglob("*.sqlite")
    return file


def test_entries_are_read_as_they_were_written(tmp_path):
    cache = EntryCache(tmp_path, "model", 3)
    assert cache.read() == {}
    cache.write(ENTRIES)
    assert read(EntryCache(tmp_path, "model", 3)) == {
        "a.png": ((1, 2**62), [1, 2, 3], ""),
        "ä\n.png": ((3, 4), False, "has no bytes"),
    }
    cache.write({"a.png": Entry(Fingerprint(9, 9), VECTOR * 2)})
    cache.remove(["ä\n.png", "never there"])
    assert read(EntryCache(tmp_path, "model", 3)) == {"a.png": ((9, 9), [2, 4, 6], "")}


def test_another_model_or_folder_has_entries_of_its_own(tmp_path):
    EntryCache(tmp_path, "model", 3).write(ENTRIES)
    assert EntryCache(tmp_path, "other", 3).read() == {}
    assert EntryCache(tmp_path / "inside", "model", 3).read() == {}


def test_a_database_of_another_model_under_this_name_is_not_read(tmp_path, cache):
    EntryCache(tmp_path, "model", 3).write(ENTRIES)
    theirs = file_in(cache)
    EntryCache(tmp_path, "other", 3).read()
    [ours] = {*cache.rglob("*.sqlite")} - {theirs}
    theirs.replace(ours)
    assert EntryCache(tmp_path, "other", 3).read() == {}
    EntryCache(tmp_path, "other", 3).write(ENTRIES)
    assert EntryCache(tmp_path, "other", 4).read() == {}  # of another size


@pytest.mark.parametrize("damage", ["rubbish", "empty", "cut", "page"])
def test_a_damaged_database_is_begun_anew(tmp_path, cache, damage, caplog):
    many = {f"{n}.png": Entry(Fingerprint(n, n), VECTOR) for n in range(2000)}
    EntryCache(tmp_path, "model", 3).write(many)
    file = file_in(cache)
    whole = file.read_bytes()
    page = 8192
    file.write_bytes(
        {
            "rubbish": b"no database " * 1000,
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "page": whole[:page] + os.urandom(4096 * 4) + whole[page + 4096 * 4 :],
        }[damage]
    )
    damaged = EntryCache(tmp_path, "model", 3)
    assert set(damaged.read()) <= set(many)
    damaged.write(ENTRIES)
    assert {*ENTRIES} <= {*read(EntryCache(tmp_path, "model", 3))}
    assert not caplog.records


def test_an_index_works_where_nothing_can_be_kept(tmp_path, cache, caplog):
    write_pictures(tmp_path, 3)
    (cache / "diptych").write_text("a file where a folder is expected")
    model = ColourModel()
    index = FolderIndex(model, tmp_path)
    assert len(index.keys) == 3
    index.refresh()
    assert model.embedded == 3  # this program still knows
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "what is embedded now is not kept" in record.getMessage()


def test_what_another_model_left_long_ago_is_removed(tmp_path, cache):
    EntryCache(tmp_path, "old", 3).write(ENTRIES)
    old = file_in(cache)
    EntryCache(tmp_path, "recent", 3).write(ENTRIES)
    long_ago = time.time() - (module._UNUSED_DAYS + 1) * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    EntryCache(tmp_path, "new", 3).write(ENTRIES)
    assert not old.exists()
    assert len([*cache.rglob("*.sqlite")]) == 2


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from diptych.client.folder_index.cache import Entry, EntryCache
from diptych.client.folder_index.scan import Fingerprint
cache = EntryCache(Path(sys.argv[1]), "model", 3)
for turn in range(int(sys.argv[3])):
    vector = np.full(3, turn, np.float32)
    cache.write({f"{sys.argv[2]}{n}.png": Entry(Fingerprint(turn, n), vector) for n in range(200)})
    print(turn, flush=True)
"""


def started(folder, name, turns):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), name, str(turns)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_programs_at_once_and_one_that_is_killed(tmp_path):
    """Each write is there as a whole or not at all."""
    killed, other = started(tmp_path, "a", 100_000), started(tmp_path, "b", 30)
    for _ in range(10):
        killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    last = int((killed.communicate()[0].split() or ["9"])[-1])
    other.communicate()
    assert other.returncode == 0
    entries = EntryCache(tmp_path, "model", 3).read()
    turns = {e.fingerprint.size for key, e in entries.items() if key.startswith("a")}
    [turn] = turns  # all rows of one write
    assert turn in (last, last + 1)
    vectors = [(e.fingerprint.size, e.vector) for e in entries.values()]
    assert all(v is not None and v.tolist() == [size] * 3 for size, v in vectors)
    assert len(entries) == 400
    assert {e.fingerprint.size for key, e in entries.items() if key.startswith("b")} == {29}


@pytest.mark.parametrize(
    "row",
    [
        ("a.png", 1, 2, b"\0\0\0", ""),  # not whole numbers
        ("a.png", 1, 2, np.full(3, np.nan, np.float32).tobytes(), ""),
        ("a.png", 1, 2, "abcabcabcabc", ""),
        ("a.png", "many", 2, VECTOR.tobytes(), ""),
        ("a.png", 1, None, VECTOR.tobytes(), ""),
        ("a.png", 1, 2, None, ""),
        (b"a.png", 1, 2, VECTOR.tobytes(), ""),
        (None, 1, 2, VECTOR.tobytes(), ""),
    ],
)
def test_a_damaged_row_is_not_known(tmp_path, cache, row):
    EntryCache(tmp_path, "model", 3).write(ENTRIES)
    with contextlib.closing(sqlite3.connect(file_in(cache))) as database, database:
        database.execute("DELETE FROM images WHERE key = 'a.png'")
        database.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?)", row)
    assert set(EntryCache(tmp_path, "model", 3).read()) == {"ä\n.png"}
    assert set(EntryCache(tmp_path, "model", 3).read(["a.png", "ä\n.png"])) == {"ä\n.png"}


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE images; CREATE TABLE images (path TEXT, vector BLOB)",
        "DROP TABLE origin; CREATE TABLE origin (name TEXT)",
        "INSERT INTO images VALUES (CAST(x'ff' AS TEXT), 1, 2, NULL, 'x')",
    ],
)
def test_tables_of_another_program_are_begun_anew(tmp_path, cache, damage, caplog):
    EntryCache(tmp_path, "model", 3).write(ENTRIES)
    with contextlib.closing(sqlite3.connect(file_in(cache))) as database, database:
        database.executescript(damage)
    EntryCache(tmp_path, "model", 3).read()
    EntryCache(tmp_path, "model", 3).write(ENTRIES)
    assert set(read(EntryCache(tmp_path, "model", 3))) == set(ENTRIES)
    assert not caplog.records


def test_some_keys_or_many_are_looked_up(tmp_path):
    many = {f"{n}.png": Entry(Fingerprint(n, n), VECTOR) for n in range(600)}
    cache = EntryCache(tmp_path, "model", 3)
    cache.write(many)
    assert set(cache.read(["3.png", "none"])) == {"3.png"}
    assert set(cache.read(many.keys())) == set(many)
    assert cache.read([]) == {}


def test_a_cache_folder_that_is_not_absolute_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert module.cache_folder() == tmp_path / ".cache" / "diptych"
