"""What the registry says of the releases, as far as it was asked."""

import dataclasses
from typing import Any

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


@dataclasses.dataclass(frozen=True)
class State:
    """What the registry says of the model.

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
        found: dict[int, Version] = {}
        for each in self.versions.values():
            if each.release is not None:
                found.setdefault(each.release, each)
        return found

    def release_of(self, alias: str) -> int | None:
        """The release an alias names; None if there is no alias, or it names no release."""
        version = self.versions.get(self.aliases.get(alias, ""))
        return version.release if version else None

    def aliased(self) -> set[int]:
        """Every release that has an alias."""
        return {n for n in map(self.release_of, self.aliases) if n is not None}


def parsed(found: list[Any]) -> dict[str, Version]:
    """Return those of MLflow's `ModelVersion`s that record a release, oldest first."""
    versions: dict[str, Version] = {}
    for each in sorted(found, key=lambda v: int(v.version)):
        if RELEASE in each.tags or MODEL_DIGEST in each.tags:
            number = str(each.tags.get(RELEASE, ""))
            versions[str(each.version)] = Version(
                str(each.version),
                int(number) if number.isascii() and number.isdecimal() else None,
                each.tags.get(MODEL_DIGEST),
                each.tags.get(MANIFEST_DIGEST),
                each.run_id,
            )
    return versions
