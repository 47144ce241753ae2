"""The release store: add a release, make one champion, go back.

The order of every change is: files, audit log, registry. The first two are whole or not there, and
whoever comes after a killed process finishes or forgets them (`components.release.change`). The
registry follows (`reconcile`). TensorFlow Serving reads only models.config.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.release import agreement, change
from components.release.config import PushConfig, RegistryConfig
from components.release.decision import decision_of, refuse_unless_allowed
from components.release.files import atomic_files
from components.release.files.atomic_files import not_written
from components.release.files.manifest import Manifest
from components.release.files.release_folders import ReleaseFolders
from components.release.gates import Decision
from components.release.log import audit_log
from components.release.log.audit_event import Event, event
from components.release.log.audit_log import AuditLog
from components.release.placement import check_space, place
from components.release.reconcile import REBUILD, reconcile
from components.release.registry.mlflow_registry import MlflowRegistry
from schema.errors import InputError, UnavailableError


class ReleaseStore:
    """The releases of one pipeline, their audit log and the registry that shows them.

    Args:
        name: of the pipeline.
        push: where the releases lie.
        registry: where they are recorded.
    """

    def __init__(self, name: str, push: PushConfig, registry: RegistryConfig | None = None):
        self.folder = Path(push.path)
        self.folders = ReleaseFolders(self.folder, name, push.served_from)
        self.registry = MlflowRegistry(name, self.folder, registry.uri if registry else None)

    def log(self) -> AuditLog:
        """Read the audit log."""
        return audit_log.read(self.folder)

    def champion(self) -> int | None:
        """Return the release that serves; no registry is asked.

        It is the one that models.config names; while that is missing, the audit log's.
        """
        serving = self.folders.serving()
        return self.log().champion if serving is None else serving

    def lost(self) -> list[int]:
        """Return the champions, now or before, whose files are gone."""
        return sorted({n for n in self.log().champions if not self.folders.is_there(n)})

    def verified(self, number: int) -> Manifest:
        """Return the manifest of a release, after every file was compared with it.

        Raises:
            InputError: the audit log does not know the release, or its files differ; names one.
        """
        folder = self.folders.found(number)
        known = self.log().manifests().get(number)
        if known is None:
            raise InputError(
                f"{folder}: the audit log does not know this release; `diptych releases repair` "
                "records it, if its files are whole"
            )
        return self.folders.verified(number, known)

    def problem(self, number: int) -> str | None:
        """Return why a release cannot be used; None if nothing is wrong with it."""
        try:
            self.verified(number)
        except InputError as error:
            return str(error)
        return None

    def reconcile(self) -> list[str]:
        """Make registry and audit log agree; see `components.release.reconcile`."""
        return reconcile(self)

    @contextlib.contextmanager
    def changing(self) -> Iterator[AuditLog]:
        """Hold the store alone; nothing is unfinished, and the log can be believed.

        Raises:
            InputError: the log is damaged or not the one of these releases; says what to do.
        """
        with atomic_files.exclusive(self.folder):
            try:
                atomic_files.sweep(self.folder)
                atomic_files.sweep(self.folders.releases)
                change.finish(self.folder, self.folders)
                log = agreement.believed(self.folder, self.folders)
            except OSError as error:
                raise not_written(Path(error.filename or self.folder), error) from error
            yield log

    def append(self, what: Event) -> None:
        """Add an event to the audit log that moves no files."""
        with self.changing():
            try:
                audit_log.append(self.folder, what)
            except OSError as error:
                raise not_written(self.folder / audit_log.FILE, error) from error

    def switch(self, log: AuditLog, what: Event) -> None:
        """Have another release serve; the store is held, and its files are compared first."""
        number, before = what.release, log.champion
        assert number is not None
        self.verified(number)
        change.make(
            self.folder,
            self.folders,
            what,
            move=lambda: self.folders.serve(number),
            back=lambda: self.folders.serve_again(before),
        )

    def publish(self, fill: Callable[[Path], Manifest], size: int = 0) -> int:
        """Add a release and record it in the registry; the same model a second time adds none.

        Args:
            fill: writes the release into an empty folder, the models into `joint/new` and so on,
                and returns its manifest.
            size: bytes it needs.

        Returns:
            The release's number.

        Raises:
            InputError: the disk is full or may not be written, or see `reconcile`.
        """
        try:
            self.folders.releases.mkdir(parents=True, exist_ok=True)
            atomic_files.sweep(self.folders.releases)
            check_space(self.folders.releases, size)
            with atomic_files.incoming(self.folders.releases) as new:
                draft = fill(new)
                atomic_files.flush_tree(new)
                with self.changing() as log:
                    number = place(self, log, new, draft)
        except OSError as error:
            raise not_written(Path(error.filename or self.folders.releases), error) from error
        reconcile(self, news=True)
        return number

    def promote(
        self,
        number: int,
        decision: Decision | None = None,
        by: str | None = None,
        reason: str = "",
        forced: bool = False,
        switched: Callable[[bool], None] = lambda _: None,
    ) -> bool:
        """Make a release the champion; False if it is already.

        Serving is switched before the registry is told: nobody waits for one that is slow or away.

        Args:
            number: the release.
            decision: what the gates said; default: what they said when it was released. If by
                now another release serves than the one it was compared with, it is out of date.
            by: who decides; default: the user of this process.
            reason: kept in the audit log.
            forced: against the gates, and whichever release it was compared with.
            switched: called as soon as models.config names the release, with whether it moved.

        Raises:
            RefusedError: a gate refused the release, or the decision is out of date.
            InputError: there is no such release, its files are damaged, or the registry could not
                be told (then it serves nonetheless).
        """
        self.folders.found(number)
        with self.changing() as log:
            content = self.verified(number)
            if number in log.deregistered():
                raise InputError(f"release {number} was deleted in MLflow; {REBUILD}")
            moved = number != log.champion
            if moved:
                if not forced:
                    refuse_unless_allowed(number, decision or decision_of(content), log.champion)
                details = {"by": by, "reason": reason, "forced": forced}
                self.switch(log, event("promote", number, replaced=log.champion, **details))
        switched(moved)
        self._tell(f"release {number} serves now")
        return moved

    def rollback(self, reason: str = "", switched: Callable[[int], None] = lambda _: None) -> int:
        """Return to the champion before this one; serving is switched first, as in `promote`.

        Args:
            reason: kept in the audit log.
            switched: called with the release as soon as models.config names it.

        Raises:
            InputError: there is no earlier champion, its files are damaged, or the registry could
                not be told (then serving is switched nonetheless).
        """
        with self.changing() as log:
            if len(log.champions) < 2:
                raise InputError("there is no earlier champion to return to")
            champion, number = log.champions[-1], log.champions[-2]
            try:
                self.verified(number)
            except InputError as error:
                raise InputError(f"{error}; promote another release with --force") from error
            self.switch(log, event("rollback", number, replaced=champion, reason=reason))
        switched(number)
        self._tell(f"release {number} serves again")
        return number

    def _tell(self, done: str) -> None:
        try:
            reconcile(self, news=True)
        except InputError as error:
            is_away = isinstance(error, UnavailableError)
            later = "; the next run or promotion tells it" if is_away else ""
            raise type(error)(f"{done}, but the registry was not told ({error}){later}") from error


def open_store(config: Mapping[str, Any]) -> ReleaseStore:
    """Open the releases of a run's config, a dict with `name`, `push` and `registry`."""
    return ReleaseStore(
        config["name"],
        PushConfig.model_validate(config["push"]),
        RegistryConfig.model_validate(config["registry"]),
    )
