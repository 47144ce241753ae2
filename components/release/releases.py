"""The releases of one pipeline: add one, make one champion, go back.

The order of every change is: files, registry, journal, alias, models.config. Each step is whole or
not there, one process at a time goes through them, and whoever comes after a killed process first
finishes or takes back what it had begun (`_settle`). TensorFlow Serving reads only models.config,
the last to move, so the old release serves until the new one is complete.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.release import files, journal, manifest
from components.release.config import PushConfig, RegistryConfig
from components.release.manifest import Manifest
from components.release.registry import CHALLENGER, CHAMPION, MANIFEST_DIGEST, Registry
from components.release.settle import settle
from components.release.shelf import Shelf
from schema.errors import InputError
from trainer.config import Frozen


class Decision(Frozen):
    """Whether a model may become champion, and instead of which."""

    baseline: int | None  # the release it was compared with
    passed: bool
    refusals: tuple[str, ...] = ()  # why not, one sentence a gate


class RefusedError(InputError):
    """The release may not become champion; the message says why."""


class Releases:
    """A shelf of releases and the registry that numbers them.

    Args:
        name: of the pipeline.
        push: where the releases lie.
        registry: where they are recorded.
    """

    def __init__(self, name: str, push: PushConfig, registry: RegistryConfig | None = None):
        self.folder = Path(push.path)
        self.shelf = Shelf(self.folder, name, push.served_from)
        self.registry = Registry(name, self.folder, registry.uri if registry else None)

    def champion(self) -> int | None:
        """The release that serves, by the journal: no registry is asked."""
        stack = journal.champions(journal.read(self.folder))
        return stack[-1] if stack else None

    def lost(self) -> list[int]:
        """Champions, now or before, whose files are gone."""
        stack = journal.champions(journal.read(self.folder))
        return sorted({n for n in stack if not self.shelf.path(n).is_dir()})

    def recorded_digest(self, number: int) -> str | None:
        """The digest of a champion's manifest, by the journal."""
        events = journal.read(self.folder)
        recorded = [e.manifest for e in events if e.release == number and e.manifest]
        return recorded[-1] if recorded else None

    def settled_champion(self) -> int | None:
        """The champion by the registry, after whatever a killed process left is put right."""
        self.registry.load()
        with files.exclusive(self.folder):
            return self._settle()

    def publish(self, fill: Callable[[Path], Manifest]) -> int:
        """Add a release, as challenger; the same model a second time adds none.

        Args:
            fill: writes the release into an empty folder, the models into `joint/new` and so on,
                and returns its manifest.

        Returns:
            The release's number.
        """
        self.shelf.releases.mkdir(parents=True, exist_ok=True)
        files.sweep(self.shelf.releases)
        with files.incoming(self.shelf.releases) as sibling:
            content = fill(sibling)
            files.flush_tree(sibling)
            self.registry.load()
            with files.exclusive(self.folder):
                champion = self._settle()
                number = self.registry.find(content.model_digest)
                if number is None:
                    number = self._add(sibling)
                elif not self.shelf.path(number).exists():  # somebody deleted it by hand
                    self.shelf.place(sibling, number)
                    digest = manifest.digest(self.shelf.path(number) / manifest.FILE)
                    self.registry.tag(number, MANIFEST_DIGEST, digest)
                    restored = journal.event("restored", number, number, manifest=digest)
                    journal.append(self.folder, restored)
                if number != champion:
                    self.registry.set_alias(CHALLENGER, number)
                return number

    def promote(
        self,
        number: int,
        decision: Decision | None = None,
        by: str | None = None,
        reason: str = "",
        forced: bool = False,
    ) -> bool:
        """Make a release the champion; False if it is already.

        Args:
            number: the release.
            decision: what the gates said; default: what they said when it was released. If by
                now another release serves than the one it was compared with, it is out of date.
            by: who decides; default: the user of this process.
            reason: kept in the journal.
            forced: against the gates, and whichever release it was compared with.

        Raises:
            RefusedError: a gate refused the release, or the decision is out of date.
            InputError: there is no such release, or its files are damaged.
        """
        self.shelf.found(number)
        self.registry.load()
        with files.exclusive(self.folder):
            champion = self._settle()
            content = self._verified(number)
            if number == champion:
                return False
            if not forced:
                _refuse(number, decision or decision_of(content), champion)
            digest = manifest.digest(self.shelf.path(number) / manifest.FILE)
            event = journal.event("promote", number, champion, by, reason, forced, digest)
            journal.append(self.folder, event)
            self.registry.set_alias(CHAMPION, number)
            self.shelf.serve(number)
            self._settle()
            return True

    def rollback(self, reason: str = "", switched: Callable[[int], None] = lambda _: None) -> int:
        """Return to the champion before this one.

        Serving is switched before the registry is told: the way back must not wait for a registry
        that is slow or away.

        Args:
            reason: kept in the journal.
            switched: called with the release as soon as models.config names it.

        Raises:
            InputError: there is no earlier champion, its files are damaged, or the registry could
                not be told (then serving is switched nonetheless).
        """
        with files.exclusive(self.folder):
            stack = journal.champions(journal.read(self.folder))
            if len(stack) < 2:
                raise InputError("there is no earlier champion to return to")
            champion, number = stack[-1], stack[-2]
            self.shelf.verified(number, self.recorded_digest(number))
            journal.append(self.folder, journal.event("rollback", number, champion, reason=reason))
            self.shelf.serve(number)
            switched(number)
            try:
                self.registry.set_alias(CHAMPION, number)
                self._settle()
            except InputError as error:
                raise InputError(
                    f"release {number} serves again, but the registry still calls {champion} the "
                    f"champion ({error}); the next run or promotion puts that right"
                ) from error
            return number

    def _add(self, sibling: Path) -> int:
        number = self.registry.last() + 1
        self.shelf.place(sibling, number)
        given = self.registry.add(self.shelf.path(number))
        if given != number:  # somebody else uses the registry too
            self.shelf.place(self.shelf.path(number), given)
        return given

    def _settle(self) -> int | None:
        """Put right what a killed process left, and follow the registry; returns the champion."""
        files.sweep(self.folder)  # nobody else writes here while we hold it
        self._adopt()
        aliases = self.registry.aliases()
        found = settle(journal.read(self.folder), aliases.get(CHAMPION), self.shelf.serving())
        if found.champion is not None and found.event and found.event.action == "found":
            self._verified(found.champion)
        if found.event:
            journal.append(self.folder, found.event)
        if found.champion is not None:
            if found.tell_registry:
                self.registry.set_alias(CHAMPION, found.champion)
            self.shelf.serve(found.champion)
            if aliases.get(CHALLENGER) == found.champion:
                self.registry.delete_alias(CHALLENGER)
        return found.champion

    def _adopt(self) -> None:
        """Register a release whose process was killed between its files and the registry."""
        last = self.registry.last()
        orphans = [n for n in self.shelf.numbers() if n > last]
        if orphans == [last + 1]:
            given = self.registry.add(self.shelf.path(orphans[0]))
            if given != orphans[0]:
                self.shelf.place(self.shelf.path(orphans[0]), given)
        elif orphans:
            raise InputError(
                f"{self.shelf.releases}: the registry {self.registry.uri} does not know release "
                f"{orphans[0]}; is it the registry of these releases?"
            )

    def _verified(self, number: int) -> Manifest:
        self.shelf.found(number)
        return self.shelf.verified(number, self.registry.manifest_digest(number))


def open_releases(config: Mapping[str, Any]) -> Releases:
    """The releases of a run's config, as a dict with `name`, `push` and `registry`."""
    return Releases(
        config["name"],
        PushConfig.model_validate(config["push"]),
        RegistryConfig.model_validate(config["registry"]),
    )


def decision_of(content: Manifest) -> Decision:
    """What the gates said of a release when it was made."""
    refusals = tuple(gate.sentence for gate in content.gates if not gate.passed)
    return Decision(baseline=content.baseline, passed=content.passed, refusals=refusals)


def _refuse(number: int, decision: Decision, champion: int | None) -> None:
    if not decision.passed:
        raise RefusedError("; ".join(decision.refusals))
    if decision.baseline != champion:
        compared = f"release {decision.baseline}" if decision.baseline else "nothing"
        serves = f"release {champion} serves" if champion else "nothing serves"
        raise RefusedError(f"release {number} was compared with {compared}, and {serves} now")
