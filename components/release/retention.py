"""Remove old releases, so that the disk does not fill up."""

from components.release.audit_log import SERVING, AuditLog
from components.release.config import Keep
from components.release.store import ReleaseStore
from schema.errors import InputError


def prune(store: ReleaseStore, keep: Keep) -> list[int]:
    """Remove the releases that `push.keep` does not keep; return their numbers.

    A release is removed from the files, the audit log and the registry, in this order; after a
    killed process the next one goes on. Kept whatever their age: the champion, the release that a
    rollback returns to, the one that the champion was compared with, and every release with an
    alias in MLflow.

    Args:
        store: of the releases, just reconciled.
        keep: how many former champions, and how many releases that never served.

    Raises:
        InputError: the registry does not answer, or a file cannot be written.
    """
    state = store.registry.state()
    aliased = state.aliased() if state else set()
    with store.locked() as log:
        removed = sorted(superfluous(log, keep) - aliased - _baseline_of_champion(store, log))
        for number in removed:
            store.remove(number)
    if removed:
        store.reconcile()
    return removed


def superfluous(log: AuditLog, keep: Keep) -> set[int]:
    """Return the releases beyond those to keep, except the champion and the one before it."""
    known = log.manifests().keys()
    served = [e.release for e in log.events if e.action in SERVING and e.release in known]
    # By when each last began to serve, the newest first.
    champions = list(dict.fromkeys(reversed(served)))
    refused = sorted(known - set(champions), reverse=True)
    old = {n for n in champions[keep.champions :] if n is not None} | set(refused[keep.refused :])
    return old - set(log.champions[-2:])


def _baseline_of_champion(store: ReleaseStore, log: AuditLog) -> set[int]:
    """Return what a rerun of the champion is compared with, so that its evaluation stays cached."""
    if log.champion is None:
        return set()
    try:
        baseline = store.verified(log.champion).baseline
    except InputError:  # its evaluation is repeated in any case
        return set()
    return set() if baseline is None else {baseline}
