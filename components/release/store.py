"""The release store: add a release, promote it, go back; the MLflow registry follows.

The order of every change is: files, audit log, registry. TensorFlow Serving reads only
models.config.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.release.audit_log import new_event
from components.release.config import PushConfig, RegistryConfig
from components.release.files import atomic_files
from components.release.files.atomic_files import not_written
from components.release.files.manifest import Manifest
from components.release.gates import Decision
from components.release.logged_releases import LoggedReleases
from components.release.reconcile import reconcile_registry
from components.release.registry.errors import REBUILD
from components.release.registry.mlflow_registry import MlflowRegistry
from schema.errors import InputError, UnavailableError


class ReleaseStore(LoggedReleases):
    """The releases of one pipeline, their audit log and the registry that shows them.

    Args:
        name: of the pipeline.
        push: where the releases lie.
        registry: where they are recorded.
    """

    def __init__(self, name: str, push: PushConfig, registry: RegistryConfig | None = None):
        super().__init__(name, push)
        self.registry = MlflowRegistry(name, self.folder, registry.uri if registry else None)

    def reconcile(self, rebuild: bool = False) -> list[str]:
        """Make registry and audit log agree; see `components.release.reconcile`."""
        return reconcile_registry(self, self.registry, rebuild=rebuild)

    def publish(self, fill: Callable[[Path], Manifest], size: int = 0) -> int:
        """Add a release and record it in the registry; the same model a second time adds none.

        Args:
            fill: writes the release into an empty folder, the models into `joint/new` and so on,
                and returns its manifest.
            size: bytes that the release needs.

        Returns:
            The release's number.

        Raises:
            InputError: the disk is full or may not be written, or see `reconcile`.
        """
        try:
            self.folders.prepare(size)
            with atomic_files.incoming(self.folders.releases) as new:
                draft = fill(new)
                atomic_files.flush_tree(new)
                with self.locked() as log:
                    number = self.add(log, new, draft)
        except OSError as error:
            raise not_written(Path(error.filename or self.folders.releases), error) from error
        reconcile_registry(self, self.registry, news=True)
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

        Serving is switched before the registry is updated, so that nobody waits for a registry
        that is slow or down.

        Args:
            number: the release.
            decision: by its gates; default: the decision when it was released. It is out of date
                if another release serves now than the one it was compared with.
            by: who decides; default: the user of this process.
            reason: kept in the audit log.
            forced: against the gates, and whichever release it was compared with.
            switched: called as soon as models.config names the release, with whether it moved.

        Raises:
            RefusedError: a gate refused the release, or the decision is out of date.
            InputError: there is no such release, its files are damaged, or the registry could not
                be updated (then it serves all the same).
        """
        self.folders.existing(number)
        with self.locked() as log:
            content = self.verified(number)
            if number in log.deregistered():
                raise InputError(f"release {number} was deleted in MLflow; {REBUILD}")
            moved = number != log.champion
            if moved:
                if not forced:
                    (decision or content.decision).require(number, log.champion)
                details = {"by": by, "reason": reason, "forced": forced}
                self.switch(log, new_event("promote", number, replaced=log.champion, **details))
        switched(moved)
        self._update_registry(f"release {number} serves now")
        return moved

    def rollback(self, reason: str = "", switched: Callable[[int], None] = lambda _: None) -> int:
        """Return to the champion before this one; serving is switched first, as in `promote`.

        Args:
            reason: kept in the audit log.
            switched: called with the release as soon as models.config names it.

        Raises:
            InputError: there is no earlier champion, its files are damaged, or the registry could
                not be updated (then serving is switched all the same).
        """
        with self.locked() as log:
            if len(log.champions) < 2:
                raise InputError("there is no earlier champion to return to")
            champion, number = log.champions[-1], log.champions[-2]
            try:
                self.verified(number)
            except InputError as error:
                raise InputError(f"{error}; promote another release with --force") from error
            self.switch(log, new_event("rollback", number, replaced=champion, reason=reason))
        switched(number)
        self._update_registry(f"release {number} serves again")
        return number

    def _update_registry(self, done: str) -> None:
        try:
            reconcile_registry(self, self.registry, news=True)
        except InputError as error:
            is_away = isinstance(error, UnavailableError)
            later = "; the next run or promotion updates it" if is_away else ""
            raise type(error)(
                f"{done}, but the registry was not updated ({error}){later}"
            ) from error


def open_store(config: Mapping[str, Any]) -> ReleaseStore:
    """Open the releases of a run's config, a dict with `name`, `push` and `registry`."""
    return ReleaseStore(
        config["name"],
        PushConfig.model_validate(config["push"]),
        RegistryConfig.model_validate(config["registry"]),
    )
