"""Have an audit log that was damaged, lost or changed by other hands agree with what serves."""

import datetime
import shutil

from components.release import change
from components.release.decision import described
from components.release.files import atomic_files, manifest, model_config_file
from components.release.files.atomic_files import not_written
from components.release.log import audit_log
from components.release.log.audit_event import Event, event
from components.release.log.audit_log import AuditLog
from components.release.store import ReleaseStore
from schema.errors import InputError


def repair(store: ReleaseStore) -> list[str]:
    """Write the log anew: its readable lines, releases it lost, and what models.config names.

    The log as it was stays beside it. Releases that differ from their manifests are left out.

    Returns:
        A sentence for each thing that was put right; none if nothing was wrong.

    Raises:
        InputError: the release that models.config names cannot serve, or a file cannot be
            written; says what to do.
    """
    with atomic_files.exclusive(store.folder):
        change.finish(store.folder, store.folders)
        log, serving = store.log(), store.folders.serving()
        added, notes = _lost(store, log)
        notes = [*log.damaged, *notes]
        if serving not in (None, log.champion):
            known = log.manifests() | {e.release: e.manifest for e in added}
            _usable(store, serving, known.get(serving), log.champion)
            added.append(event("repaired", serving, replaced=log.champion, reason="repair"))
            notes.append(f"release {serving} serves, by models.config; the log says so now")
        if not (log.events or added) and store.folders.numbers():
            added.append(event("repaired", None, reason="repair"))
            notes.append("nothing serves; the log says so now")
        if log.damaged or added:
            _rewrite(store, [*log.events, *added])
        champion = log.champion
        if serving is None and champion is not None and store.problem(champion) is None:
            store.folders.serve(champion)
            notes.append(f"release {champion} serves, by the log; models.config says so now")
        return notes


def _lost(store: ReleaseStore, log: AuditLog) -> tuple[list[Event], list[str]]:
    """Return an event and a sentence for each release that the log does not have."""
    added, notes = [], []
    for number in store.folders.numbers():
        if number in log.manifests():
            continue
        try:
            folder = store.folders.found(number)
            content = manifest.verify(folder, number=number)
            digest = manifest.digest(folder / manifest.FILE)
        except InputError as error:
            notes.append(f"left out: {error}")
            continue
        details = {"manifest": digest, "model": content.model_digest, "reason": "repair"}
        added.append(event("published", number, **details))
        notes.append(f"release {number} was not in the log, and is now")
    return added, notes


def _usable(store: ReleaseStore, serving: int, known: str | None, champion: int | None) -> None:
    """Refuse to record that a release serves which is gone or damaged."""
    try:
        store.folders.verified(serving, known)
    except InputError as error:
        path = store.folder / model_config_file.FILE
        raise InputError(
            f"{path}: names release {serving}, which cannot serve ({error}); nothing was changed; "
            f"restore its files, or delete {path.name} and repair again: then "
            f"{described(champion)} serves"
        ) from error


def _rewrite(store: ReleaseStore, events: list[Event]) -> None:
    path = store.folder / audit_log.FILE
    try:
        if path.exists():
            now = datetime.datetime.now()
            shutil.copy2(path, path.with_name(f"{path.stem}.before-{now:%Y%m%dT%H%M%S}.jsonl"))
        atomic_files.atomic_write(path, "".join(f"{e.model_dump_json()}\n" for e in events))
    except OSError as error:
        raise not_written(path, error) from error
