"""The model versions of the registry, and which of their tags differ from the audit log."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from components.release.audit_log import Event
from components.release.registry.errors import REBUILD
from schema.errors import InputError

RELEASE, MODEL_DIGEST, MANIFEST_DIGEST = "release", "model_digest", "manifest_sha256"


@dataclasses.dataclass(frozen=True)
class Version:
    """A model version that records a release: MLflow's number, ours, and what was released.

    `release` and the digests are tags, which anybody can edit; None where there is no such tag.
    """

    version: str
    release: int | None
    model_digest: str | None
    manifest_digest: str | None
    run_id: str | None

    def with_tags(self, tags: Mapping[str, str]) -> "Version":
        """Return this version with other values of its tags."""
        number = tags.get(RELEASE)
        return dataclasses.replace(
            self,
            release=self.release if number is None else int(number),
            model_digest=tags.get(MODEL_DIGEST, self.model_digest),
            manifest_digest=tags.get(MANIFEST_DIGEST, self.manifest_digest),
        )


@dataclasses.dataclass(frozen=True)
class State:
    """What the registry says about the model.

    `aliases` are versions by alias; `versions` are those that record a release, by MLflow's number,
    oldest first; `last_event` is the id of the last event of the audit log that it was brought up
    to, None if there is no such tag.
    """

    aliases: dict[str, str]
    versions: dict[str, Version]
    last_event: str | None

    @property
    def releases(self) -> dict[int, Version]:
        """The version of each release; the oldest, where a call that was repeated made two."""
        versions: dict[int, Version] = {}
        for version in self.versions.values():
            if version.release is not None:
                versions.setdefault(version.release, version)
        return versions

    def release_of(self, alias: str) -> int | None:
        """Return the release an alias names; None if it does not exist or names no release."""
        version = self.versions.get(self.aliases.get(alias, ""))
        return version.release if version else None

    def aliased(self) -> set[int]:
        """Return every release that has an alias."""
        return {n for n in map(self.release_of, self.aliases) if n is not None}


def parsed(mlflow_versions: Iterable[Any]) -> dict[str, Version]:
    """Return those of MLflow's `ModelVersion`s that record a release, oldest first."""
    versions: dict[str, Version] = {}
    for item in sorted(mlflow_versions, key=lambda v: int(v.version)):
        if RELEASE in item.tags or MODEL_DIGEST in item.tags:
            number = str(item.tags.get(RELEASE, ""))
            versions[str(item.version)] = Version(
                str(item.version),
                int(number) if number.isascii() and number.isdecimal() else None,
                item.tags.get(MODEL_DIGEST),
                item.tags.get(MANIFEST_DIGEST),
                item.run_id,
            )
    return versions


def corrected(
    state: State,
    events: Iterable[Event],
    model: str,
    folder: Path,
    mend: Callable[[str, str, str], None] | None,
) -> State:
    """Return the state with every version under the number that the audit log has for its model.

    Args:
        state: as the registry has it.
        events: of the audit log.
        model: the registered model, as messages name it.
        folder: of the release store, for messages.
        mend: sets a tag of a version that was edited; None: an edited tag is an error.

    Raises:
        InputError: a version is another store's, or its tags were edited.
    """
    events = list(events)
    versions: dict[str, Version] = {}
    for key, version in state.versions.items():
        tags = _edited_tags(version, events)
        if tags is None:
            number = "" if version.release is None else f"{version.release} "
            raise InputError(
                f"{model}: its version {version.version} is a release {number}that {folder} does "
                "not have; correct `name`, registry.uri or push.path, or, if that version is not "
                "needed, delete it in MLflow"
            )
        versions[key] = version.with_tags(tags)
        if tags and mend is None:
            shown = " and ".join(f"{tag}={value}" for tag, value in tags.items())
            raise InputError(
                f"{model}: the tags of its version {version.version}, which is release "
                f"{versions[key].release}, were edited; set {shown} again, or {REBUILD}"
            )
        for tag, value in tags.items():
            if mend is not None:
                mend(version.version, tag, value)
    return dataclasses.replace(state, versions=versions)


def _edited_tags(version: Version, events: list[Event]) -> dict[str, str] | None:
    """Compare the tags of a version with the audit log.

    A model that was pruned and pushed again has two numbers, and each its own manifest, so the
    digest of the manifest decides before the digest of the model.

    Returns:
        The right values of the tags that differ; None if the log does not have this release.
    """
    written = [event for event in events if event.manifest]
    by_manifest = {event.manifest: event for event in written}
    by_model = {event.model: event for event in written}
    same_manifest = by_manifest.get(version.manifest_digest or "")
    event = same_manifest or by_model.get(version.model_digest or "")
    if event is None:
        return None
    tags: dict[str, str] = {}
    if version.release != event.release:
        tags[RELEASE] = str(event.release)
    if version.model_digest != event.model:
        tags[MODEL_DIGEST] = event.model
    if same_manifest is None:
        latest = [other for other in written if other.release == event.release][-1]
        tags[MANIFEST_DIGEST] = latest.manifest
    return tags
