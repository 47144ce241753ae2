"""Bring the registry up to the audit log, and take over what people changed there.

The registered model carries the id of the last audit event that it was brought up to. What differs
from that event was changed by somebody in MLflow; what the log says since then is news to the
registry. Where only one side has changed the other follows; where both have, the log stands.
"""

import itertools
import logging
from typing import TYPE_CHECKING

from components.release.files.atomic_files import exclusive
from components.release.log.audit_event import SERVING, Event, event
from components.release.log.audit_log import AuditLog, champions
from components.release.registry import tags
from components.release.registry.mlflow_registry import CHALLENGER, CHAMPION, NEW
from components.release.registry.state import MANIFEST_DIGEST, State, Version
from schema.errors import InputError

if TYPE_CHECKING:
    from components.release.store import ReleaseStore

LOCK = ".registry-lock"  # not the store's: a rollback must not wait for a registry
REBUILD = "`diptych releases rebuild-registry` records the releases there again"
FEW = 20  # versions that are asked for one by one rather than all of them
_LOGGER = logging.getLogger(__name__)


def reconcile(store: "ReleaseStore", rebuild: bool = False, news: bool = False) -> list[str]:
    """Make registry, audit log and serving agree; return a sentence for each change from outside.

    Args:
        store: of the releases.
        rebuild: record everything anew, also what the registry lost or somebody deleted there.
        news: look only at what the registry was not told yet and at who is champion, so that it
            costs the same however many releases there are; otherwise at every release, and at
            whether the next one can be recorded.

    Raises:
        InputError: the registry does not answer, or says something that a person must decide.
    """
    store.registry.load()
    with exclusive(store.folder, LOCK):
        work = _Reconciliation(store, rebuild, news)
        work.open()
        work.follow_champion()
        work.follow_deletions()
        work.tell()
    for note in work.notes:
        _LOGGER.warning(note)
    return work.notes


class _Reconciliation:
    """One pass; the registry's lock is held.

    `position` is the index of the last event that the registry was told, -1 for none, and `told`
    the champion by then; `looked_at` are the releases that are compared; `known` says whether the
    registry ever was in contact with this store.
    """

    def __init__(self, store: "ReleaseStore", rebuild: bool, news: bool):
        self.store, self.registry, self.rebuild, self.news = store, store.registry, rebuild, news
        self.here = f"registry {self.registry.shown}: the model {self.registry.name}"
        self.notes: list[str] = []
        self.log: AuditLog
        self.state: State
        self.position: int
        self.told: int | None
        self.known: bool
        self.looked_at: set[int]

    def open(self) -> None:
        """Read both sides; make the model at the first contact; refuse another store's."""
        with self.store.changing() as log:
            self.known = any(e.action == "registered" for e in log.events)
        forgotten = self.known and not self.rebuild
        state = self._read(log)
        if state is None:
            if forgotten:
                raise InputError(
                    f"{self.here} is gone: it was deleted or renamed, or registry.uri names "
                    f"another registry; set that right, or {REBUILD}"
                )
            self.registry.create()
            state = State({}, {}, NEW)
        elif state.last_event is None and forgotten:
            raise InputError(
                f"{self.here} is not the one that these releases were recorded in; set `name` or "
                f"registry.uri right, or {REBUILD}"
            )
        self.state = tags.checked(self.store, log, state, self.here, self.rebuild)
        if self.position < 0 and state.last_event not in (None, NEW) and not self.rebuild:
            raise InputError(
                f"{self.here} knows of changes that {self.store.folder} does not have; set "
                f"registry.uri or push.path right, or {REBUILD}"
            )
        self.log = self.store.log()

    def _read(self, log: AuditLog) -> State | None:
        model = self.registry.model()
        last = self.registry.last_event(model) if model else None
        position = log.position(last)
        stack = champions(log.events[: position + 1])
        self.told = stack[-1] if stack else None
        self.position = -1 if self.rebuild else position
        all_of_them = {e.release for e in log.events}
        since = {e.release for e in log.events[self.position + 1 :]}
        wanted = {*since, self.told, log.champion}
        partly = self.news and self.position >= 0 and len(wanted) <= FEW
        self.looked_at = {n for n in (wanted if partly else all_of_them) if n is not None}
        if model is None:
            return None
        digests = {e.model for e in log.events if e.release in self.looked_at and e.model}
        return self.registry.state(model, digests if partly else None)

    def follow_champion(self) -> None:
        """Take over a champion that was set in MLflow, unless the champion changed here too."""
        told, mine = self.told, self.log.champion
        version, theirs = self.state.aliases.get(CHAMPION), self.state.release_of(CHAMPION)
        unknown = version is not None and theirs is None
        # A process that was killed may have moved the alias to what served since the last event.
        since = self.log.events[self.position + 1 :]
        ours = {told, mine, *(e.release for e in since if e.action in SERVING)}
        if not unknown and theirs in ours:
            return
        if version is None and told not in self.state.releases:
            return  # the alias went with its version, which `follow_deletions` says
        if mine is None or (mine == told and not self.rebuild):
            self._take_over(mine, theirs, version)
        else:
            what = f"version {version} was made champion" if version else "no champion was left"
            self._note(
                event("overruled", theirs, replaced=mine),
                f"{what} in MLflow; release {mine}, which was chosen here, stays",
            )

    def _take_over(self, mine: int | None, theirs: int | None, version: str | None) -> None:
        alias = f"registry {self.registry.shown}: the alias {CHAMPION} of {self.registry.name}"
        serves = "nothing serves" if mine is None else f"release {mine} serves"
        if version is None:
            raise InputError(f"{alias} was taken away, while {serves}; set it again, or {REBUILD}")
        if theirs is None:
            raise InputError(
                f"{alias} names version {version}, which is not a release, while {serves}; "
                + (
                    "take it away, or give the pipeline another `name`"
                    if mine is None
                    else f"set it to the version of a release, or {REBUILD}"
                )
            )
        with self.store.changing() as now:
            if now.champion != mine:
                return  # whoever changed it here reconciles next
            try:
                changed = event("registry_champion", theirs, replaced=mine)
                self.store.switch(now, changed)
            except InputError as error:
                raise InputError(
                    f"{alias} names release {theirs}, while {serves}: {error}; set it to another "
                    f"version, or {REBUILD}"
                ) from error
        self.notes.append(f"release {theirs} was made champion in MLflow, and serves now")

    def follow_deletions(self) -> None:
        """Note releases whose versions were deleted in MLflow, or that cannot be recorded there."""
        self.log = self.store.log()
        gone = self.log.deregistered()
        kept = self.log.manifests().keys() & self.looked_at
        for number in sorted(kept - self.state.releases.keys()):
            if number in gone and not self.rebuild:
                continue
            if self._was_told(number):
                if number == self.log.champion:
                    raise InputError(
                        f"registry {self.registry.shown}: the version of release {number}, which "
                        f"serves, was deleted; promote another release, or {REBUILD}"
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
        if not self.known or self.rebuild:
            self.store.append(event("registered", None, reason=self.registry.shown))
        self.log = self._seen(self.store.log())
        if not self.news:
            self.registry.check_rights(restore=self.rebuild)
        kept, gone = self.log.manifests(), self.log.deregistered()
        releases = self.state.releases
        for each in self.state.versions.values():
            if each.release not in kept:
                self.registry.delete(each)
        for number in sorted((kept.keys() & self.looked_at) - gone):
            if number not in releases:
                content = self.store.verified(number)
                path = self.store.folders.path(number)
                releases[number] = self.registry.add(path, content, kept[number])
            elif releases[number].manifest_digest != kept[number]:
                self.registry.tag(releases[number].version, MANIFEST_DIGEST, kept[number])
        before = self.log.events[: self.position + 1]
        self._set(CHAMPION, self.log.champion, releases)
        challenger = _challenger(self.log.events)
        if _challenger(before) != challenger or self.position < 0:
            self._set(CHALLENGER, challenger, releases)
        if self.log.events and not (self.news and self.log.events[-1].id == self.state.last_event):
            self.registry.set_last_event(self.log.events[-1].id)

    def _seen(self, log: AuditLog) -> AuditLog:
        """Leave out what others did since we looked; whoever did it tells the registry next."""
        known, since = log.events[: self.position + 1], log.events[self.position + 1 :]
        seen = {None, *self.looked_at}
        return AuditLog((*known, *itertools.takewhile(lambda e: e.release in seen, since)))

    def _set(self, alias: str, release: int | None, releases: dict[int, Version]) -> None:
        version = releases.get(release) if release is not None else None
        if version is None:
            if self.state.release_of(alias) is not None:  # else it is somebody else's
                self.registry.delete_alias(alias)
        elif self.state.release_of(alias) != release:
            self.registry.set_alias(alias, version.version)


def _challenger(events: tuple[Event, ...]) -> int | None:
    """Return the newest release if it has never served."""
    pushed = [e.release for e in events if e.action in ("published", "restored")]
    served = {e.release for e in events if e.action in SERVING}
    return pushed[-1] if pushed and pushed[-1] not in served else None
