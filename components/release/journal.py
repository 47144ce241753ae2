"""What happened to the champion, in order: the audit trail, and the way back.

One line of JSON an event, flushed before anything else moves. An event is an intention first: if
its process dies before the registry's alias has moved, the next one to come says so in an
'interrupted' event (see `components.release.releases`).
"""

import getpass
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from components.release.files import flush
from trainer.config import Frozen

FILE = "journal.jsonl"

Action = Literal["promote", "rollback", "interrupted", "found", "restored"]


class Event(Frozen):
    """The champion changes, or was found changed.

    'found' is a champion that somebody set in the registry by other means than ours; 'restored' one
    whose files had been deleted and were written again.
    """

    time: float  # seconds since 1970
    action: Action
    release: int | None  # the champion afterwards
    replaced: int | None  # the champion before
    by: str  # who: a user, or a run
    reason: str = ""
    forced: bool = False  # against its gates
    manifest: str = ""  # digest of the release's manifest, so that a rollback can check it alone


def event(
    action: Action,
    release: int | None,
    replaced: int | None,
    by: str | None = None,
    reason: str = "",
    forced: bool = False,
    manifest: str = "",
) -> Event:
    """An event of now, by whoever runs this process unless said otherwise."""
    who = by or getpass.getuser()
    return Event(
        time=time.time(),
        action=action,
        release=release,
        replaced=replaced,
        by=who,
        reason=reason,
        forced=forced,
        manifest=manifest,
    )


def read(folder: Path) -> list[Event]:
    """All events; a last line that a killed process left unfinished never happened."""
    try:
        whole = (folder / FILE).read_bytes().rpartition(b"\n")[0]
    except FileNotFoundError:
        return []
    return [Event.model_validate_json(line) for line in whole.splitlines()]


def append(folder: Path, event: Event) -> None:
    """Add an event; it is on the disk when this returns."""
    path = folder / FILE
    with path.open("a+b") as file:
        file.seek(0)
        finished = file.read().rpartition(b"\n")
        file.truncate(len(finished[0]) + len(finished[1]))
        file.write(event.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    flush(folder)


def champions(events: Sequence[Event]) -> list[int]:
    """The champion, last, and those a rollback would return to, newest last.

    A rollback takes the champion off this stack and leaves the one below; to promote puts one on.
    """
    stack: list[int] = []
    before: list[list[int]] = []
    for each in events:
        if each.action == "restored":
            continue
        if each.action == "interrupted":
            stack = before.pop()
            continue
        before.append(list(stack))
        if each.action == "rollback":
            stack = stack[:-1]
        elif each.release is None:
            stack = []
        else:
            stack.append(each.release)
    return stack
