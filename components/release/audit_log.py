"""The audit log: the events of every release, in order. It is the truth about which one serves.

Each event is one line of JSON. It is written after it has happened and reaches the disk before
anything builds on it; `components.release.transaction` keeps the intention until then. The alias in
MLflow and models.config are projections of this log.
"""

import dataclasses
import getpass
import itertools
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from components.release.files.atomic_files import append_line, read_plain
from components.release.files.manifest import Seconds
from schema.config.section import Frozen
from schema.errors import InputError
from schema.text.secrets import without_secrets

FILE = "audit_log.jsonl"

Action = Literal[
    "published",  # a release got its number
    "restored",  # files that were deleted or damaged were written again under their number
    "promote",
    "rollback",
    "registry_champion",  # somebody moved the alias in MLflow; serving followed
    "overruled",  # somebody moved the alias in MLflow while it was changed here; ours stands
    "registered",  # the model, or a release that was deleted there, was recorded in the registry
    "deregistered",  # somebody deleted the release's version in MLflow
    "pruned",  # the files were removed to keep the disk small
    "repaired",  # the log was damaged; `release` is what models.config named
]
Number = Annotated[int, Field(ge=1, lt=10**9)]  # of a release
SERVING = ("promote", "rollback", "registry_champion", "repaired")  # change what serves


class Event(Frozen):
    """One event of a release."""

    id: str
    """Random and unique."""

    time: Seconds
    """When it happened."""

    action: Action
    """What happened."""

    release: Number | None
    """The release; for a change of what serves, the champion afterwards."""

    replaced: int | None = None
    """The champion before a change of what serves."""

    by: str = ""
    """A user, or a run."""

    reason: str = ""
    """The reason that a person gave, or the error that led to the event."""

    forced: bool = False
    """Whether it was done against the gates."""

    manifest: str = ""
    """SHA-256 of the release's manifest."""

    model: str = ""
    """Digest of the three models, by which no model is released twice."""


def new_event(action: Action, release: int | None, **details: Any) -> Event:
    """Make an event of now, by the user of this process unless `by` says otherwise."""
    by = details.pop("by", None) or user()
    details["reason"] = without_secrets(details.get("reason", ""))
    return Event(
        id=uuid.uuid4().hex[:16],
        time=time.time(),
        action=action,
        release=release,
        by=by,
        **details,
    )


def user() -> str:
    """Return the user of this process; 'uid 1000' if it has no name, as on OpenShift."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


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
        digests: dict[int, str] = {}
        for event in self.events:
            if event.release is None:
                continue
            if event.action in ("published", "restored"):
                digests[event.release] = event.manifest
            elif event.action == "pruned":
                digests.pop(event.release, None)
        return digests

    def pruned(self) -> set[int]:
        """Return the releases whose files were removed to keep the disk small."""
        pruned = {event.release for event in self.events if event.action == "pruned"}
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
        return {event.release for event in self.events if event.release is not None}

    def position(self, event_id: str | None) -> int:
        """Return the index of an event, -1 if it is not here."""
        ids = [event.id for event in self.events]
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
    append_line(folder / FILE, event.model_dump_json())


def champions(events: Sequence[Event]) -> list[int]:
    """Return the champion, last, and those a rollback would return to, newest last.

    A rollback takes releases off this stack down to the one it returned to; any other change of
    what serves puts one on. A pruned release cannot be returned to, nor one that was deleted in
    MLflow for as long as it is not registered again.
    """
    stack: list[int] = []
    for event in events:
        if event.action == "rollback" and event.release in stack[:-1]:
            at = len(stack) - 1 - stack[-2::-1].index(event.release)
            stack = stack[:at]
        elif event.action == "repaired":
            stack = [] if event.release is None else [event.release]
        elif event.action in SERVING and event.release is not None:
            stack.append(event.release)
        elif event.action == "pruned":
            stack = [n for n in stack[:-1] if n != event.release] + stack[-1:]
    gone = deregistered(events)
    kept = [n for n in stack[:-1] if n not in gone] + stack[-1:]
    return [number for number, _ in itertools.groupby(kept)]


def deregistered(events: Sequence[Event]) -> set[int]:
    """Return the releases that were deleted in the registry and are not registered again."""
    gone: set[int] = set()
    for event in events:
        if event.release is not None and event.action == "deregistered":
            gone.add(event.release)
        elif event.release is not None and event.action in ("registered", "restored", "pruned"):
            gone.discard(event.release)
    return gone
