"""A release is whole or not there, and its number is its own."""

import os
import threading
from pathlib import Path

import pytest

from components import pusher
from components.pusher import latest, ship


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"weights" * 1000)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_releases_are_numbered_from_1_and_hold_the_model(model, tmp_path):
    releases = tmp_path / "a" / "serving"
    first = ship(str(model), str(releases))
    assert first == releases / "1"
    assert content(first) == content(model)
    (releases / "7").mkdir()
    assert ship(str(model), str(releases)) == releases / "8"
    assert sorted(p.name for p in releases.iterdir()) == ["1", "7", "8"]


def test_a_copy_that_fails_leaves_nothing(model, tmp_path, monkeypatch):
    releases = tmp_path / "serving"
    ship(str(model), str(releases))
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        ship(str(model), str(releases))
    assert [p.name for p in releases.iterdir()] == ["1"]


def test_a_server_never_sees_half_a_release(model, tmp_path, monkeypatch):
    releases = tmp_path / "serving"
    numbers: list[list[str]] = []
    siblings: set[int] = set()
    flush = pusher._flush

    def spy(path):
        numbers.append(sorted(p.name for p in releases.iterdir() if p.name.isdecimal()))
        siblings.update(p.stat().st_ino for p in releases.glob(".incoming-*"))
        flush(path)

    monkeypatch.setattr(pusher, "_flush", spy)
    release = ship(str(model), str(releases))
    # Every file was flushed before the number appeared; the last flush is the folder's own.
    assert numbers[:-1] == [[]] * (len(numbers) - 1)
    assert numbers[-1] == ["1"]
    # The number appeared in one step: it is the very folder that was written, renamed.
    assert siblings == {release.stat().st_ino}


def test_sixteen_at_once_get_sixteen_numbers(model, tmp_path):
    releases = tmp_path / "serving"
    made: list[Path] = []
    threads = [
        threading.Thread(target=lambda: made.append(ship(str(model), str(releases))))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(p.name) for p in made) == list(range(1, 17))
    assert all(content(p) == content(model) for p in made)


def test_what_a_killed_push_left_counts_for_nothing(model, tmp_path):
    releases = tmp_path / "serving"
    ship(str(model), str(releases))
    half = releases / ".incoming-dead"
    half.mkdir()
    (half / "saved_model.pb").write_bytes(b"gr")
    assert latest(releases) == 1
    assert ship(str(model), str(releases)).name == "2"
