"""The audit log: what became of every release, in order. It is the truth about who serves.

One line of JSON an event, on the disk before anything builds on it. An event is written when it has
happened: `components.release.change` keeps the intention until then. The alias in MLflow and
models.config are projections of this log.
"""

import contextlib
import dataclasses
import errno
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from components.release.files.atomic_files import flush, read_plain
from components.release.log.audit_event import SERVING, Event
from schema.errors import InputError

FILE = "audit_log.jsonl"


@dataclasses.dataclass(frozen=True)
class AuditLog:
    """The events, oldest first, and a sentence for every line that cannot be read."""

    events: tuple[Event, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def champions(self) -> list[int]:
        """The champion, last, and those a rollback would return to."""
        return champions(self.events)

    @property
    def champion(self) -> int | None:
        """The release that serves."""
        return self.champions[-1] if self.champions else None

    def manifests(self) -> dict[int, str]:
        """Return the SHA-256 of the manifest of every release that was not pruned, by number."""
        known: dict[int, str] = {}
        for each in self.events:
            if each.release is None:
                continue
            if each.action in ("published", "restored"):
                known[each.release] = each.manifest
            elif each.action == "pruned":
                known.pop(each.release, None)
        return known

    def pruned(self) -> set[int]:
        """Return the releases whose files were removed to keep the disk small."""
        pruned = {each.release for each in self.events if each.action == "pruned"}
        return {n for n in pruned if n is not None} - self.manifests().keys()

    def deregistered(self) -> set[int]:
        """Return the releases that are not in the registry although they are here."""
        return deregistered(self.events)

    def holds(self, model: str) -> int | None:
        """Return the release that holds a model, None if there is none."""
        known = self.manifests()
        same = [e.release for e in self.events if e.model == model and e.release in known]
        return same[-1] if same else None

    def numbers(self) -> set[int]:
        """Return every number that was ever given."""
        return {each.release for each in self.events if each.release is not None}

    def position(self, event_id: str | None) -> int:
        """Return the index of an event, -1 if it is not here."""
        ids = [each.id for each in self.events]
        return ids.index(event_id) if event_id in ids else -1


def read(folder: Path) -> AuditLog:
    """Read the log; a last line that a killed process left unfinished never happened.

    Raises:
        InputError: the file cannot be read.
    """
    path = folder / FILE
    try:
        whole = read_plain(path).rpartition(b"\n")[0]
    except FileNotFoundError:
        return AuditLog()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    events, damaged = [], []
    for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError:
            damaged.append(f"{path}: line {number} is damaged")
    return AuditLog(tuple(events), tuple(damaged))


def append(folder: Path, event: Event) -> None:
    """Add an event; it is on the disk when this returns, and not there at all if this fails.

    Raises:
        OSError: the disk is full, or the file may not be written.
    """
    line = event.model_dump_json().encode() + b"\n"
    with (folder / FILE).open("a+b", buffering=0) as file:
        file.seek(0)
        finished = file.read().rpartition(b"\n")
        length = len(finished[0]) + len(finished[1])
        file.truncate(length)
        try:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(length)
            raise
    flush(folder)


def champions(events: Sequence[Event]) -> list[int]:
    """Return the champion, last, and those a rollback would return to, newest last.

    A rollback takes releases off this stack down to the one it returned to; any other change of
    what serves puts one on. What was pruned is nothing to return to, nor what was deleted in MLflow
    for as long as it is not registered again.
    """
    stack: list[int] = []
    for each in events:
        if each.action == "rollback" and each.release in stack[:-1]:
            at = len(stack) - 1 - stack[-2::-1].index(each.release)
            stack = stack[:at]
        elif each.action == "repaired":
            stack = [] if each.release is None else [each.release]
        elif each.action in SERVING and each.release is not None:
            stack.append(each.release)
        elif each.action == "pruned":
            stack = [n for n in stack[:-1] if n != each.release] + stack[-1:]
    gone = deregistered(events)
    kept = [n for n in stack[:-1] if n not in gone] + stack[-1:]
    return [number for number, _ in itertools.groupby(kept)]


def deregistered(events: Sequence[Event]) -> set[int]:
    """Return the releases that were deleted in the registry and are not registered again."""
    gone: set[int] = set()
    for each in events:
        if each.release is not None and each.action == "deregistered":
            gone.add(each.release)
        elif each.release is not None and each.action in ("registered", "restored", "pruned"):
            gone.discard(each.release)
    return gone
