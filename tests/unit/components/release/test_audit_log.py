"""The audit log: what it answers, and what it survives."""

import errno

import pytest

from components.release import audit_log
from components.release.audit_log import Event, champions, new_event, user


def events(*changes: tuple) -> list[Event]:
    return [new_event(action, release, by="me") for action, release in changes]


@pytest.mark.parametrize(
    ("changes", "stack"),
    [
        ((), []),
        ((("published", 1),), []),
        ((("promote", 1), ("promote", 4)), [1, 4]),
        ((("promote", 1), ("promote", 4), ("rollback", 1)), [1]),
        # Back twice, then forward again.
        (
            (
                ("promote", 1),
                ("promote", 2),
                ("promote", 3),
                ("rollback", 2),
                ("rollback", 1),
                ("promote", 5),
            ),
            [1, 5],
        ),
        # Files that were written again change nothing.
        ((("promote", 1), ("restored", 1), ("promote", 2)), [1, 2]),
        # Set by hand in the registry; what was set there and lost stays lost.
        ((("promote", 1), ("registry_champion", 7)), [1, 7]),
        ((("promote", 1), ("overruled", 7)), [1]),
        # Nobody returns to what was removed; what serves is never taken off.
        ((("promote", 1), ("promote", 2), ("promote", 3), ("pruned", 1)), [2, 3]),
        ((("promote", 1), ("promote", 2), ("promote", 1), ("deregistered", 2)), [1]),
        ((("promote", 1), ("promote", 2), ("deregistered", 2)), [1, 2]),
        # What a repair found to serve is where a new history begins.
        ((("promote", 1), ("promote", 2), ("repaired", 1)), [1]),
        ((("promote", 1), ("repaired", 2), ("promote", 3)), [2, 3]),
    ],
)
def test_champions_are_a_stack(changes, stack):
    assert champions(events(*changes)) == stack


def test_events_come_back_as_they_were(tmp_path):
    given = [
        new_event("promote", 1, by="run of emoji", manifest="ab12"),
        new_event("promote", 2, replaced=1, reason="ünï\ncode", forced=True),
    ]
    for each in given:
        audit_log.append(tmp_path, each)
    assert list(audit_log.read(tmp_path).events) == given
    assert audit_log.read(tmp_path / "nowhere").events == ()


def test_a_line_that_a_killed_process_left_unfinished_never_happened(tmp_path):
    audit_log.append(tmp_path, new_event("promote", 1))
    path = tmp_path / audit_log.FILE
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time": 17, "action": "prom')
    assert len(audit_log.read(tmp_path).events) == 1
    audit_log.append(tmp_path, new_event("promote", 2))
    assert [e.release for e in audit_log.read(tmp_path).events] == [1, 2]
    assert path.read_bytes().startswith(whole)
    assert path.read_bytes().count(b"\n") == 2


def test_a_damaged_line_is_named_and_the_others_are_read(tmp_path):
    for number in (1, 2, 3):
        audit_log.append(tmp_path, new_event("promote", number))
    path = tmp_path / audit_log.FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\xff" + lines[1] + lines[2])
    log = audit_log.read(tmp_path)
    assert [e.release for e in log.events] == [1, 3]
    assert log.damaged == (f"{path}: line 2 is damaged",)


def test_an_event_that_cannot_be_flushed_is_not_there(tmp_path, monkeypatch):
    audit_log.append(tmp_path, new_event("promote", 1))
    before = (tmp_path / audit_log.FILE).read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        audit_log.append(tmp_path, new_event("promote", 2))
    assert (tmp_path / audit_log.FILE).read_bytes() == before


def test_a_user_id_without_a_name_is_still_somebody(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.setattr("os.getuid", lambda: 1000720000)
    assert user() == "uid 1000720000"
