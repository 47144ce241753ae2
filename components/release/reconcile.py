"""Bring the registry up to the audit log, and take over what people changed there.

The registered model carries the id of the last audit event that it was brought up to. What differs
from that event was changed by somebody in MLflow; what the log says since then is news to the
registry. Where only one side has changed the other follows; where both have, the log stands.
"""

import dataclasses
import logging
from typing import TYPE_CHECKING

from components.release.atomic_files import exclusive
from components.release.audit_event import SERVING, Event, event
from components.release.audit_log import AuditLog, champions
from components.release.mlflow_registry import CHALLENGER, CHAMPION, MANIFEST_DIGEST, NEW, State
from schema.errors import InputError

if TYPE_CHECKING:
    from components.release.store import ReleaseStore

LOCK = ".registry-lock"  # not the store's: a rollback must not wait for a registry
REBUILD = "`diptych releases rebuild-registry` records the releases there again"
_LOGGER = logging.getLogger(__name__)


def reconcile(store: "ReleaseStore", rebuild: bool = False) -> list[str]:
    """Make registry, audit log and serving agree; return a sentence for each change from outside.

    Args:
        store: of the releases.
        rebuild: record everything anew, also what the registry lost or somebody deleted there.

    Raises:
        InputError: the registry does not answer, or says something that a person must decide.
    """
    store.registry.load()
    with exclusive(store.folder, LOCK):
        work = _Reconciliation(store, rebuild)
        work.open()
        work.follow_champion()
        work.follow_deletions()
        work.tell()
    for note in work.notes:
        _LOGGER.warning(note)
    return work.notes


class _Reconciliation:
    """One pass; the registry's lock is held.

    `position` is the index of the last event that the registry was told, -1 for none.
    """

    def __init__(self, store: "ReleaseStore", rebuild: bool):
        self.store, self.registry, self.rebuild = store, store.registry, rebuild
        self.notes: list[str] = []
        self.log: AuditLog
        self.state: State
        self.position: int

    def open(self) -> None:
        """Read both sides; make the model at the first contact; refuse another store's."""
        with self.store.changing() as log:
            known = any(e.action == "registered" for e in log.events)
        state = self.registry.state()
        here = f"registry {self.registry.shown}: the model {self.registry.name}"
        forgotten = known and not self.rebuild
        if state is None:
            if forgotten:
                raise InputError(
                    f"{here} is gone: it was deleted or renamed, or registry.uri names another "
                    f"registry; set that right, or {REBUILD}"
                )
            self.registry.create()
            state = State({}, {}, NEW)
        elif state.last_event is None and forgotten:
            raise InputError(
                f"{here} is not the one that these releases were recorded in; set `name` or "
                f"registry.uri right, or {REBUILD}"
            )
        if not known or self.rebuild:
            self.store.append(event("registered", None, reason=self.registry.shown))
        self.log, self.state = self.store.log(), state
        self.position = -1 if self.rebuild else self.log.position(state.last_event)
        written = {(e.release, e.manifest) for e in self.log.events if e.manifest}
        for number, version in state.releases.items():
            if (number, version.manifest_digest) not in written:
                raise InputError(
                    f"{here}: its version {version.version} is a release {number} that "
                    f"{self.store.folder} does not have; give the pipeline a `name` or a "
                    "registry.uri of its own, or delete that version in MLflow"
                )
        if self.position < 0 and state.last_event not in (None, NEW) and not self.rebuild:
            raise InputError(
                f"{here} knows of changes that {self.store.folder} does not have; set registry.uri "
                f"or push.path right, or {REBUILD}"
            )

    def follow_champion(self) -> None:
        """Take over a champion that was set in MLflow, unless the champion changed here too."""
        stack = champions(self.log.events[: self.position + 1])
        told, mine = stack[-1] if stack else None, self.log.champion
        version = self.state.aliases.get(CHAMPION)
        theirs = self.state.release_of(CHAMPION)
        unknown = version is not None and theirs is None
        if not unknown and theirs in (told, mine):
            return
        if mine == told and self.position >= 0:
            self._take_over(mine, theirs, version)
        elif version is not None and mine is not None:
            self._note(
                event("overruled", theirs, replaced=mine),
                f"version {version} was made champion in MLflow; release {mine}, which was chosen "
                "here since, stays",
            )

    def _take_over(self, mine: int | None, theirs: int | None, version: str | None) -> None:
        alias = f"registry {self.registry.shown}: the alias {CHAMPION} of {self.registry.name}"
        serves = f"release {mine} serves"
        if version is None:
            if mine is not None and mine not in self.state.releases:
                return  # its version was deleted, which `follow_deletions` says
            raise InputError(f"{alias} was taken away, while {serves}; set it again, or {REBUILD}")
        if theirs is None:
            raise InputError(
                f"{alias} names version {version}, which is not a release, while {serves}; set it "
                "to the version of a release"
            )
        with self.store.changing() as now:
            if now.champion != mine:
                return  # whoever changed it here reconciles next
            try:
                changed = event("registry_champion", theirs, replaced=mine)
                self.store.switch(now, changed)
            except InputError as error:
                raise InputError(
                    f"{alias} names release {theirs}, while {serves}: {error}"
                ) from error
        self.notes.append(f"release {theirs} was made champion in MLflow, and serves now")

    def follow_deletions(self) -> None:
        """Note releases whose versions were deleted in MLflow, or that cannot be recorded there."""
        self.log = self.store.log()
        gone = self.log.deregistered()
        for number in sorted(self.log.manifests().keys() - self.state.releases.keys()):
            if number in gone and not self.rebuild:
                continue
            if self._was_told(number):
                if number == self.log.champion:
                    raise InputError(
                        f"registry {self.registry.shown}: the version of release {number}, which "
                        f"serves, was deleted; {REBUILD}, or promote another release"
                    )
                self._note(
                    event("deregistered", number),
                    f"the version of release {number} was deleted in MLflow; the release is not "
                    f"promoted any more, nor is it returned to, until {REBUILD}",
                )
            elif (problem := self.store.problem(number)) is not None:
                if number not in gone:
                    self._note(
                        event("deregistered", number, reason=problem),
                        f"release {number} is not recorded in the registry: {problem}",
                    )
            elif number in gone:
                self._note(event("registered", number), f"release {number} is registered again")

    def _was_told(self, number: int) -> bool:
        told = self.log.events[: self.position + 1]
        since = (
            e.action in ("published", "restored", "registered") for e in told if e.release == number
        )
        return any(since)

    def _note(self, what: Event, sentence: str) -> None:
        self.store.append(what)
        self.notes.append(sentence)

    def tell(self) -> None:
        """Have the registry say what the log says, its last event last."""
        self.log = self.store.log()
        kept, gone = self.log.manifests(), self.log.deregistered()
        releases = dict(self.state.releases)
        for number in sorted(releases.keys() - kept.keys()):
            self.registry.delete(releases.pop(number))
        for number in sorted(kept.keys() - gone):
            if number not in releases:
                content = self.store.verified(number)
                path = self.store.folders.path(number)
                releases[number] = self.registry.add(path, content, kept[number])
            elif releases[number].manifest_digest != kept[number]:
                self.registry.tag(releases[number].version, MANIFEST_DIGEST, kept[number])
        self.state = dataclasses.replace(self.state, releases=releases)
        before = self.log.events[: self.position + 1]
        self._set(CHAMPION, self.log.champion)
        if _challenger(before) != _challenger(self.log.events) or self.position < 0:
            self._set(CHALLENGER, _challenger(self.log.events))
        if self.log.events and self.log.events[-1].id != self.state.last_event:
            self.registry.set_last_event(self.log.events[-1].id)

    def _set(self, alias: str, release: int | None) -> None:
        version = self.state.releases.get(release) if release is not None else None
        if version is None:
            if alias in self.state.aliases:
                self.registry.delete_alias(alias)
        elif self.state.aliases.get(alias) != version.version:
            self.registry.set_alias(alias, version.version)


def _challenger(events: tuple[Event, ...]) -> int | None:
    """Return the newest release if it has never served."""
    pushed = [e.release for e in events if e.action in ("published", "restored")]
    served = {e.release for e in events if e.action in SERVING}
    return pushed[-1] if pushed and pushed[-1] not in served else None
