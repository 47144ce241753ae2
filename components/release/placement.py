"""Give a new release its number and its place, or find that its model was released before."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from components.release import change
from components.release.files import manifest
from components.release.files.manifest import Manifest
from components.release.files.release_folders import NEW
from components.release.log import audit_log
from components.release.log.audit_event import event
from components.release.log.audit_log import AuditLog
from schema.errors import UnavailableError
from schema.serving_names import MODELS

if TYPE_CHECKING:
    from components.release.store import ReleaseStore


def check_space(folder: Path, size: int) -> None:
    """Refuse a release that the disk has no room for.

    Raises:
        UnavailableError: says how many bytes are needed and how many are free.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise UnavailableError(
            f"{folder}: the disk is full: the release needs {size / 1e6:,.0f} MB, and "
            f"{free / 1e6:,.0f} MB are free there; what serves is as it was"
        )


def place(store: "ReleaseStore", log: AuditLog, new: Path, draft: Manifest) -> int:
    """Move a new release to its place; the store is held.

    A number is never given twice. A model that was released before keeps its number, and its files
    are written again if they are damaged or gone.

    Args:
        store: of the releases.
        log: its audit log.
        new: the folder of the new release, with the models in `joint/new` and so on.
        draft: its manifest, without a number.

    Returns:
        The number.

    Raises:
        OSError: a file could not be written; the store is as it was.
    """
    known = log.holds(draft.model_digest)
    if known is not None and store.problem(known) is None:
        if known in log.deregistered():
            audit_log.append(store.folder, event("registered", known))
        return known
    number = known or _next(store, log)
    store.folders.number_models(new, draft.numbered(number, NEW, MODELS))
    there = store.folders.path(number)

    def move() -> None:
        if os.path.lexists(there):
            store.folders.remove(number)  # damaged; the same model takes its place
        store.folders.place(new, number)

    def back() -> None:
        there.rename(new)

    change.make(
        store.folder,
        store.folders,
        event(
            "restored" if known else "published",
            number,
            manifest=manifest.digest(new / manifest.FILE),
            model=draft.model_digest,
        ),
        move=move,
        back=back,
    )
    return number


def _next(store: "ReleaseStore", log: AuditLog) -> int:
    """Return the first number after the log's that is free, whatever else lies among the releases.

    A folder that came by other hands, such as 20261126, does not raise the numbers to its own.
    """
    number = 1 + max(log.numbers(), default=0)
    while os.path.lexists(store.folders.path(number)):
        number += 1
    return number
