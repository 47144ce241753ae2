"""The audit trail: what it answers, and what it survives."""

import pytest

from components.release import files, journal
from components.release.journal import Event, champions, event


def events(*changes: tuple) -> list[Event]:
    return [event(action, release, replaced, by="me") for action, release, replaced in changes]


@pytest.mark.parametrize(
    ("changes", "stack"),
    [
        ((), []),
        ((("promote", 1, None), ("promote", 4, 1)), [1, 4]),
        ((("promote", 1, None), ("promote", 4, 1), ("rollback", 1, 4)), [1]),
        # Back twice, then forward again.
        (
            (
                ("promote", 1, None),
                ("promote", 2, 1),
                ("promote", 3, 2),
                ("rollback", 2, 3),
                ("rollback", 1, 2),
                ("promote", 5, 1),
            ),
            [1, 5],
        ),
        # A promotion that never happened leaves the stack as it was.
        ((("promote", 1, None), ("promote", 2, 1), ("interrupted", 1, 2)), [1]),
        ((("promote", 1, None), ("interrupted", None, 1), ("promote", 2, None)), [2]),
        # Files that were written again change nothing.
        ((("promote", 1, None), ("restored", 1, 1), ("promote", 2, 1)), [1, 2]),
        # Set by hand in the registry, then taken away there.
        ((("promote", 1, None), ("found", 7, 1)), [1, 7]),
        ((("promote", 1, None), ("found", None, 1)), []),
    ],
)
def test_champions_are_a_stack(changes, stack):
    assert champions(events(*changes)) == stack


def test_events_come_back_as_they_were(tmp_path):
    given = [
        event("promote", 1, None, by="run of emoji", manifest="ab12"),
        event("promote", 2, 1, reason="ünï\ncode", forced=True),
    ]
    for each in given:
        journal.append(tmp_path, each)
    assert journal.read(tmp_path) == given
    assert journal.read(tmp_path / "nowhere") == []


def test_a_line_that_a_killed_process_left_unfinished_never_happened(tmp_path):
    journal.append(tmp_path, event("promote", 1, None))
    path = tmp_path / journal.FILE
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time": 17, "action": "prom')
    assert len(journal.read(tmp_path)) == 1
    journal.append(tmp_path, event("promote", 2, 1))
    assert [e.release for e in journal.read(tmp_path)] == [1, 2]
    assert path.read_bytes().startswith(whole)
    assert path.read_bytes().count(b"\n") == 2


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "models.config"
    files.atomic_write(path, "old")

    def fails(_):
        raise OSError("disk full")

    monkeypatch.setattr(files, "flush", fails)
    with pytest.raises(OSError, match="disk full"):
        files.atomic_write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["models.config"]


def test_a_folder_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    flock = files.fcntl.flock
    swept: list[bool] = []

    def sweep_first(descriptor, how):
        if not swept:
            swept.append(True)
            files.sweep(tmp_path)
        flock(descriptor, how)

    monkeypatch.setattr(files.fcntl, "flock", sweep_first)
    with files.incoming(tmp_path) as mine:
        assert swept
        (mine / "whole").write_text("w")
        assert (mine / "whole").exists()
    assert list(tmp_path.iterdir()) == []


def test_sweeping_spares_what_a_living_writer_holds(tmp_path):
    dead = tmp_path / f"{files.INCOMING}dead"
    dead.mkdir()
    (dead / "half").write_text("h")
    (tmp_path / f"{files.INCOMING}file").write_text("x")
    (tmp_path / "7").mkdir()
    with files.incoming(tmp_path) as alive:
        (alive / "half").write_text("h")
        files.sweep(tmp_path)
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["7", alive.name])
        assert (alive / "half").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["7"]
