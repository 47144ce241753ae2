"""Have an audit log that was damaged, lost or changed by other hands agree with what serves."""

import datetime
import shutil

from components.release import atomic_files, audit_log, change, manifest
from components.release.atomic_files import not_written
from components.release.audit_event import Event, event
from components.release.store import ReleaseStore
from schema.errors import InputError


def repair(store: ReleaseStore) -> list[str]:
    """Write the log anew: its readable lines, releases it lost, and what models.config names.

    The log as it was stays beside it. Releases that differ from their manifests are left out.

    Returns:
        A sentence for each thing that was put right; none if nothing was wrong.

    Raises:
        InputError: the release that models.config names is damaged, or a file cannot be written.
    """
    with atomic_files.exclusive(store.folder):
        change.finish(store.folder, store.folders)
        log, serving = store.log(), store.folders.serving()
        notes = list(log.damaged)
        added: list[Event] = []
        for number in store.folders.numbers():
            if number in log.numbers():
                continue
            folder = store.folders.path(number)
            try:
                content = store.folders.verified(number, manifest.digest(folder / manifest.FILE))
            except InputError as error:
                notes.append(f"left out: {error}")
                continue
            digest = manifest.digest(folder / manifest.FILE)
            details = {"manifest": digest, "model": content.model_digest, "reason": "repair"}
            added.append(event("published", number, **details))
            notes.append(f"release {number} was not in the log, and is now")
        if serving != log.champion and serving is not None:
            added.append(event("repaired", serving, replaced=log.champion, reason="repair"))
            notes.append(f"release {serving} serves, by models.config; the log says so now")
        if serving is not None:
            known = {e.release: e.manifest for e in (*log.events, *added) if e.manifest}
            if serving not in known:
                raise InputError(
                    f"{store.folders.path(serving)}: serves, by models.config, and is damaged; "
                    "nothing was changed"
                )
            store.folders.verified(serving, known[serving])
        if notes:
            _rewrite(store, [*log.events, *added])
        return notes


def _rewrite(store: ReleaseStore, events: list[Event]) -> None:
    path = store.folder / audit_log.FILE
    try:
        if path.exists():
            now = datetime.datetime.now()
            shutil.copy2(path, path.with_name(f"{path.stem}.before-{now:%Y%m%dT%H%M%S}.jsonl"))
        atomic_files.atomic_write(path, "".join(f"{e.model_dump_json()}\n" for e in events))
    except OSError as error:
        raise not_written(path, error) from error
