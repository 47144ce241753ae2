"""The release files of one pipeline and the audit log that records them; no registry.

Every change is whole or not there (`components.release.transaction`). TensorFlow Serving reads only
models.config.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from components.release import audit_log, transaction
from components.release.audit_log import AuditLog, Event, new_event
from components.release.config import PushConfig
from components.release.files import atomic_files, manifest
from components.release.files.atomic_files import not_written
from components.release.files.manifest import Manifest
from components.release.files.release_folders import NEW, ReleaseFolders
from schema.errors import InputError
from schema.serving_names import MODELS


class LoggedReleases:
    """The releases of one pipeline by their audit log.

    Args:
        name: of the pipeline.
        push: where the releases lie.
    """

    def __init__(self, name: str, push: PushConfig):
        self.folder = Path(push.path)
        self.folders = ReleaseFolders(self.folder, name, push.served_from)

    def log(self) -> AuditLog:
        """Read the audit log."""
        return audit_log.read(self.folder)

    def champion(self) -> int | None:
        """Return the release that serves, without a call to the registry.

        It is the one that models.config names; while that file is missing, the audit log's.
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
        folder = self.folders.existing(number)
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

    def problems(self) -> list[str]:
        """Return why the releases cannot be changed, one sentence each with what to do about it."""
        return transaction.problems(self.folder, self.folders)

    @contextlib.contextmanager
    def locked(self) -> Iterator[AuditLog]:
        """Lock the store, complete what a killed process left, and yield the audit log.

        Raises:
            InputError: the log is damaged or not the one of these releases; says what to do.
        """
        with atomic_files.exclusive(self.folder):
            try:
                atomic_files.sweep(self.folder)
                atomic_files.sweep(self.folders.releases)
                transaction.complete(self.folder, self.folders)
                log = transaction.agreed_log(self.folder, self.folders)
            except OSError as error:
                raise not_written(Path(error.filename or self.folder), error) from error
            yield log

    def append(self, event: Event) -> None:
        """Add an event that moves no files to the audit log."""
        with self.locked():
            try:
                audit_log.append(self.folder, event)
            except OSError as error:
                raise not_written(self.folder / audit_log.FILE, error) from error

    def switch(self, log: AuditLog, event: Event) -> None:
        """Make another release serve, after its files were verified; the store is locked."""
        number, before = event.release, log.champion
        assert number is not None
        self.verified(number)
        transaction.commit(
            self.folder,
            self.folders,
            event,
            move=lambda: self.folders.serve(number),
            undo=lambda: self.folders.serve_again(before),
        )

    def add(self, log: AuditLog, new: Path, draft: Manifest) -> int:
        """Move a new release to its place; the store is locked.

        A number is never given twice. A model that was released before keeps its number, and its
        files are written again if they are damaged or gone.

        Args:
            log: the audit log.
            new: the folder of the new release, with the models in `joint/new` and so on.
            draft: its manifest, without a number.

        Returns:
            The number.

        Raises:
            OSError: a file could not be written; the store is as it was.
        """
        known = log.holds(draft.model_digest)
        if known is not None and self.problem(known) is None:
            if known in log.deregistered():
                audit_log.append(self.folder, new_event("registered", known))
            return known
        number = known or self.folders.free_number(1 + max(log.numbers(), default=0))
        self.folders.number_models(new, draft.numbered(number, NEW, MODELS))
        details = {"manifest": manifest.digest(new / manifest.FILE), "model": draft.model_digest}
        transaction.commit(
            self.folder,
            self.folders,
            new_event("restored" if known else "published", number, **details),
            move=lambda: self.folders.place(new, number),
            undo=lambda: self.folders.take_back(number, new),
        )
        return number

    def remove(self, number: int) -> None:
        """Remove a release; the store is locked.

        Raises:
            InputError: a file could not be written.
        """
        folders = self.folders
        with contextlib.ExitStack() as trash:
            try:
                aside = trash.enter_context(atomic_files.incoming(folders.releases)) / str(number)
            except OSError as error:
                raise not_written(folders.releases, error) from error
            transaction.commit(
                self.folder,
                folders,
                new_event("pruned", number),
                move=lambda: folders.move(folders.path(number), aside),
                undo=lambda: folders.move(aside, folders.path(number)),
            )
