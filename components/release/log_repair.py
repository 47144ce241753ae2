"""Make an audit log that was damaged, lost or changed by hand agree with what serves."""

from pathlib import Path

from components.release import audit_log, transaction
from components.release.audit_log import AuditLog, Event, new_event
from components.release.files import atomic_files, manifest, model_config_file
from components.release.files.atomic_files import not_written
from components.release.gates import described
from components.release.logged_releases import LoggedReleases
from schema.errors import InputError


def repair_log(releases: LoggedReleases) -> list[str]:
    """Write the log anew: its readable lines, releases it lost, and what models.config names.

    The old log stays beside the new one. Releases that differ from their manifests are left out.

    Returns:
        A sentence for each repair; none if nothing was wrong.

    Raises:
        InputError: the release that models.config names cannot serve, or a file cannot be
            written; says what to do.
    """
    with atomic_files.exclusive(releases.folder):
        transaction.complete(releases.folder, releases.folders)
        log, serving = releases.log(), releases.folders.serving()
        added, notes = _unlogged(releases, log)
        notes = [*log.damaged, *notes]
        if serving not in (None, log.champion):
            known = log.manifests() | {e.release: e.manifest for e in added}
            _require_usable(releases, serving, known.get(serving), log.champion)
            added.append(new_event("repaired", serving, replaced=log.champion, reason="repair"))
            notes.append(
                f"release {serving} serves according to models.config; the audit log now says so"
            )
        if not (log.events or added) and releases.folders.numbers():
            added.append(new_event("repaired", None, reason="repair"))
            notes.append("nothing serves; the audit log now says so")
        if log.damaged or added:
            _rewrite(releases.folder / audit_log.FILE, [*log.events, *added])
        champion = log.champion
        if serving is None and champion is not None and releases.problem(champion) is None:
            releases.folders.serve(champion)
            notes.append(
                f"release {champion} serves according to the audit log; models.config now says so"
            )
        return notes


def _unlogged(releases: LoggedReleases, log: AuditLog) -> tuple[list[Event], list[str]]:
    """Return an event and a sentence for each release that the log does not have."""
    added, notes = [], []
    for number in releases.folders.numbers():
        if number in log.manifests():
            continue
        try:
            folder = releases.folders.existing(number)
            content = manifest.verify(folder, number=number)
            digest = manifest.digest(folder / manifest.FILE)
        except InputError as error:
            notes.append(f"left out: {error}")
            continue
        details = {"manifest": digest, "model": content.model_digest, "reason": "repair"}
        added.append(new_event("published", number, **details))
        notes.append(f"release {number} was missing from the audit log and was added")
    return added, notes


def _require_usable(
    releases: LoggedReleases, serving: int, known: str | None, champion: int | None
) -> None:
    """Refuse to record that a release serves which is gone or damaged."""
    try:
        releases.folders.verified(serving, known)
    except InputError as error:
        path = releases.folder / model_config_file.FILE
        raise InputError(
            f"{path}: names release {serving}, which cannot serve ({error}); nothing was changed; "
            f"restore its files, or delete {path.name} and repair again: then "
            f"{described(champion)} serves"
        ) from error


def _rewrite(path: Path, events: list[Event]) -> None:
    try:
        atomic_files.back_up(path)
        atomic_files.atomic_write(path, "".join(f"{e.model_dump_json()}\n" for e in events))
    except OSError as error:
        raise not_written(path, error) from error
