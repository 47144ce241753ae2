"""Files that are whole or not there, and folders of writers that live or died."""

import fcntl

import pytest

from components.release.files import atomic_files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "models.config"
    atomic_files.atomic_write(path, "old")

    def fails(_):
        raise OSError("disk full")

    monkeypatch.setattr(atomic_files, "flush", fails)
    with pytest.raises(OSError, match="disk full"):
        atomic_files.atomic_write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["models.config"]


def test_a_folder_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    flock = fcntl.flock
    swept: list[bool] = []

    def sweep_first(descriptor, how):
        if not swept:
            swept.append(True)
            atomic_files.sweep(tmp_path)
        flock(descriptor, how)

    monkeypatch.setattr("fcntl.flock", sweep_first)
    with atomic_files.incoming(tmp_path) as mine:
        assert swept
        (mine / "whole").write_text("w")
        assert (mine / "whole").exists()
    assert list(tmp_path.iterdir()) == []


def test_sweeping_spares_what_a_living_writer_holds(tmp_path):
    dead = tmp_path / f"{atomic_files.INCOMING}dead"
    dead.mkdir()
    (dead / "half").write_text("h")
    (tmp_path / f"{atomic_files.INCOMING}file").write_text("x")
    (tmp_path / "7").mkdir()
    with atomic_files.incoming(tmp_path) as alive:
        (alive / "half").write_text("h")
        atomic_files.sweep(tmp_path)
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["7", alive.name])
        assert (alive / "half").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["7"]


def test_a_line_replaces_one_that_a_killed_writer_left_unfinished(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\nhal")
    atomic_files.append_line(path, "two")
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_file_is_backed_up_beside_itself(tmp_path):
    path = tmp_path / "log.jsonl"
    atomic_files.back_up(path)
    assert list(tmp_path.iterdir()) == []  # there is nothing to keep
    path.write_text("old")
    atomic_files.back_up(path)
    [copy] = tmp_path.glob("log.before-*.jsonl")
    assert copy.read_text() == path.read_text() == "old"
