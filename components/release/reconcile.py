"""Bring the registry up to the audit log, and take over what people changed in MLflow.

The registered model carries the id of the last audit event that it was brought up to. What differs
from that event was changed by somebody in MLflow; the events since then are new to the registry.
Where only one side has changed the other follows; where both have, the log stands.
"""

import itertools
import logging

from components.release.audit_log import SERVING, AuditLog, Event, champions, new_event
from components.release.files.atomic_files import exclusive
from components.release.logged_releases import LoggedReleases
from components.release.registry.errors import REBUILD
from components.release.registry.mlflow_registry import CHALLENGER, CHAMPION, NEW, MlflowRegistry
from components.release.registry.versions import MANIFEST_DIGEST, State, Version, corrected
from schema.errors import InputError

LOCK = ".registry-lock"  # not the store's: a rollback must not wait for a registry
FEW = 20  # versions that are looked up one by one rather than all of them
_LOGGER = logging.getLogger(__name__)


def reconcile_registry(
    releases: LoggedReleases, registry: MlflowRegistry, rebuild: bool = False, news: bool = False
) -> list[str]:
    """Make registry, audit log and serving agree; return a sentence for each change from outside.

    Args:
        releases: with their audit log.
        registry: that shows them.
        rebuild: record everything anew, also what the registry lost or somebody deleted there.
        news: look only at the events that are new to the registry and at who is champion, so that
            it costs the same however many releases there are; otherwise at every release, and at
            whether the next one can be recorded.

    Raises:
        InputError: the registry does not answer, or says something that a person must decide.
    """
    registry.load()
    with exclusive(releases.folder, LOCK):
        work = _Reconciliation(releases, registry, rebuild, news)
        work.open()
        work.follow_champion()
        work.follow_deletions()
        work.update_registry()
    for note in work.notes:
        _LOGGER.warning(note)
    return work.notes


class _Reconciliation:
    """One pass; the registry's lock is held.

    `synced` is the index of the last event that the registry was brought up to, -1 for none, and
    `synced_champion` the champion by then; `compared` are the releases that are compared; `known`
    says whether the registry ever was in contact with this store.
    """

    log: AuditLog
    state: State
    synced: int
    synced_champion: int | None
    known: bool
    compared: set[int]

    def __init__(
        self, releases: LoggedReleases, registry: MlflowRegistry, rebuild: bool, news: bool
    ):
        self.releases, self.registry, self.rebuild, self.news = releases, registry, rebuild, news
        self.model_shown = f"registry {registry.shown}: the model {registry.name}"
        self.notes: list[str] = []

    def open(self) -> None:
        """Read both sides; make the model at the first contact; refuse another store's."""
        with self.releases.locked() as log:
            self.known = any(e.action == "registered" for e in log.events)
        forgotten = self.known and not self.rebuild
        state = self._read(log)
        if state is None:
            if forgotten:
                raise InputError(
                    f"{self.model_shown} is gone: it was deleted or renamed, or registry.uri names "
                    f"another registry; correct registry.uri, or {REBUILD}"
                )
            self.registry.create()
            state = State({}, {}, NEW)
        elif state.last_event is None and forgotten:
            raise InputError(
                f"{self.model_shown} is not the one that these releases were recorded in; correct "
                f"`name` or registry.uri, or {REBUILD}"
            )
        mend = self.registry.tag if self.rebuild else None
        self.state = corrected(state, log.events, self.model_shown, self.releases.folder, mend)
        if self.synced < 0 and state.last_event not in (None, NEW) and not self.rebuild:
            raise InputError(
                f"{self.model_shown} knows of changes that {self.releases.folder} does not have; "
                f"correct registry.uri or push.path, or {REBUILD}"
            )
        self.log = self.releases.log()

    def _read(self, log: AuditLog) -> State | None:
        model = self.registry.model()
        last = self.registry.last_event(model) if model else None
        position = log.position(last)
        stack = champions(log.events[: position + 1])
        self.synced_champion = stack[-1] if stack else None
        self.synced = -1 if self.rebuild else position
        all_of_them = {e.release for e in log.events}
        since = {e.release for e in log.events[self.synced + 1 :]}
        wanted = {*since, self.synced_champion, log.champion}
        partly = self.news and self.synced >= 0 and len(wanted) <= FEW
        self.compared = {n for n in (wanted if partly else all_of_them) if n is not None}
        if model is None:
            return None
        digests = {e.model for e in log.events if e.release in self.compared and e.model}
        return self.registry.state(model, digests if partly else None)

    def follow_champion(self) -> None:
        """Take over a champion that was set in MLflow, unless the champion changed here too."""
        synced, mine = self.synced_champion, self.log.champion
        version, theirs = self.state.aliases.get(CHAMPION), self.state.release_of(CHAMPION)
        unknown = version is not None and theirs is None
        # A process that was killed may have moved the alias to what served since the last event.
        since = self.log.events[self.synced + 1 :]
        ours = {synced, mine, *(e.release for e in since if e.action in SERVING)}
        if not unknown and theirs in ours:
            return
        if version is None and synced not in self.state.releases:
            return  # the alias went with its version, which `follow_deletions` says
        if mine is None or (mine == synced and not self.rebuild):
            self._take_over(mine, theirs, version)
        else:
            what = f"version {version} was made champion" if version else "the champion was removed"
            self._note(
                new_event("overruled", theirs, replaced=mine),
                f"{what} in MLflow; release {mine}, which was chosen here, stays",
            )

    def _take_over(self, mine: int | None, theirs: int | None, version: str | None) -> None:
        alias = f"registry {self.registry.shown}: the alias {CHAMPION} of {self.registry.name}"
        serves = "nothing serves" if mine is None else f"release {mine} serves"
        if version is None:
            raise InputError(f"{alias} was removed, while {serves}; set it again, or {REBUILD}")
        if theirs is None:
            raise InputError(
                f"{alias} names version {version}, which is not a release, while {serves}; "
                + (
                    "remove it, or give the pipeline another `name`"
                    if mine is None
                    else f"set it to the version of a release, or {REBUILD}"
                )
            )
        with self.releases.locked() as now:
            if now.champion != mine:
                return  # the process that changed it here reconciles next
            try:
                self.releases.switch(now, new_event("registry_champion", theirs, replaced=mine))
            except InputError as error:
                raise InputError(
                    f"{alias} names release {theirs}, while {serves}: {error}; set it to another "
                    f"version, or {REBUILD}"
                ) from error
        self.notes.append(f"release {theirs} was made champion in MLflow, and serves now")

    def follow_deletions(self) -> None:
        """Note releases whose versions were deleted in MLflow, or that cannot be recorded there."""
        self.log = self.releases.log()
        gone = self.log.deregistered()
        kept = self.log.manifests().keys() & self.compared
        for number in sorted(kept - self.state.releases.keys()):
            if number in gone and not self.rebuild:
                continue
            if self._was_recorded(number):
                if number == self.log.champion:
                    raise InputError(
                        f"registry {self.registry.shown}: the version of release {number}, which "
                        f"serves, was deleted; promote another release, or {REBUILD}"
                    )
                self._note(
                    new_event("deregistered", number),
                    f"the version of release {number} was deleted in MLflow; the release cannot be "
                    f"promoted or rolled back to until {REBUILD}",
                )
            elif (problem := self.releases.problem(number)) is not None:
                if number not in gone:
                    self._note(
                        new_event("deregistered", number, reason=problem),
                        f"release {number} is not recorded in the registry: {problem}",
                    )
            elif number in gone:
                self._note(new_event("registered", number), f"release {number} is registered again")

    def _was_recorded(self, number: int) -> bool:
        return any(
            event.release == number and event.action in ("published", "restored", "registered")
            for event in self.log.events[: self.synced + 1]
        )

    def _note(self, what: Event, sentence: str) -> None:
        self.releases.append(what)
        self.notes.append(sentence)

    def update_registry(self) -> None:
        """Make the registry say what the log says, its last event last."""
        if not self.known or self.rebuild:
            self.releases.append(new_event("registered", None, reason=self.registry.shown))
        self.log = self._up_to_here(self.releases.log())
        if not self.news:
            self.registry.check_rights(restore=self.rebuild)
        kept, gone = self.log.manifests(), self.log.deregistered()
        releases = self.state.releases
        for version in self.state.versions.values():
            if version.release not in kept:
                self.registry.delete(version)
        for number in sorted((kept.keys() & self.compared) - gone):
            if number not in releases:
                content = self.releases.verified(number)
                path = self.releases.folders.path(number)
                releases[number] = self.registry.add(path, content, kept[number])
            elif releases[number].manifest_digest != kept[number]:
                self.registry.tag(releases[number].version, MANIFEST_DIGEST, kept[number])
        before = self.log.events[: self.synced + 1]
        self._set(CHAMPION, self.log.champion, releases)
        challenger = _challenger(self.log.events)
        if _challenger(before) != challenger or self.synced < 0:
            self._set(CHALLENGER, challenger, releases)
        if self.log.events and not (self.news and self.log.events[-1].id == self.state.last_event):
            self.registry.set_last_event(self.log.events[-1].id)

    def _up_to_here(self, log: AuditLog) -> AuditLog:
        """Leave out what others did since we looked; they update the registry next."""
        known, since = log.events[: self.synced + 1], log.events[self.synced + 1 :]
        compared = {None, *self.compared}
        return AuditLog((*known, *itertools.takewhile(lambda e: e.release in compared, since)))

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
