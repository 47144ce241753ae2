"""The events of the audit log: what can happen to a release, and who did it."""

import getpass
import os
import time
import uuid
from typing import Annotated, Any, Literal

from pydantic import Field

from components.release.files.manifest import Seconds
from schema.config.section import Frozen
from schema.text.secrets import without_secrets

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
    """One thing that happened to the releases."""

    id: str
    time: Seconds
    action: Action
    release: Number | None  # for a change of what serves: the champion afterwards
    replaced: int | None = None  # the champion before
    by: str = ""  # who: a user, or a run
    reason: str = ""
    forced: bool = False  # against its gates
    manifest: str = ""  # SHA-256 of the release's manifest
    model: str = ""  # digest of the three models, so that no model is released twice


def event(action: Action, release: int | None, **details: Any) -> Event:
    """Make an event of now, by whoever runs this process unless `by` says otherwise."""
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
    """Name who runs this process; a user id without a name, as OpenShift gives, is 'uid 1000'."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
