"""Remove old releases, so that the disk stays as full as it is."""

import contextlib

from components.release import change
from components.release.config import Keep
from components.release.files import atomic_files
from components.release.files.atomic_files import not_written
from components.release.log.audit_event import SERVING, event
from components.release.log.audit_log import AuditLog
from components.release.store import ReleaseStore
from schema.errors import InputError


def prune(store: ReleaseStore, keep: Keep) -> list[int]:
    """Remove the releases that `push.keep` does not keep; return their numbers.

    A release goes in this order: files, audit log, registry; who comes after a killed process goes
    on. Kept whatever their age: the champion, the release that a rollback returns to, the one that
    the champion was compared with, and every release with an alias in MLflow.

    Args:
        store: of the releases, just reconciled.
        keep: how many former champions, and how many releases that never served.

    Raises:
        InputError: the registry does not answer, or a file cannot be written.
    """
    state = store.registry.state()
    aliased = state.aliased() if state else set()
    with store.changing() as log:
        removed = sorted(superfluous(log, keep) - aliased - _compared(store, log))
        for number in removed:
            _remove(store, number)
    if removed:
        store.reconcile()
    return removed


def _remove(store: ReleaseStore, number: int) -> None:
    folders = store.folders
    with contextlib.ExitStack() as trash:
        try:
            aside = trash.enter_context(atomic_files.incoming(folders.releases)) / str(number)
        except OSError as error:
            raise not_written(folders.releases, error) from error
        change.make(
            store.folder,
            folders,
            event("pruned", number),
            move=lambda: folders.move(folders.path(number), aside),
            back=lambda: folders.move(aside, folders.path(number)),
        )


def superfluous(log: AuditLog, keep: Keep) -> set[int]:
    """Return the releases beyond those to keep, but for the champion and the one before it."""
    known = log.manifests().keys()
    served = [e.release for e in log.events if e.action in SERVING and e.release in known]
    # By when each one last began to serve, the newest first.
    champions = list(dict.fromkeys(reversed(served)))
    refused = sorted(known - set(champions), reverse=True)
    old = {n for n in champions[keep.champions :] if n is not None} | set(refused[keep.refused :])
    return old - set(log.champions[-2:])


def _compared(store: ReleaseStore, log: AuditLog) -> set[int]:
    """Return what a rerun of the champion is compared with, so that its evaluation stays cached."""
    if log.champion is None:
        return set()
    try:
        baseline = store.verified(log.champion).baseline
    except InputError:  # its evaluation is made anew in any case
        return set()
    return set() if baseline is None else {baseline}
