"""Tell which versions in the registry are releases of this store, whatever was edited there."""

import dataclasses
from typing import TYPE_CHECKING

from components.release.audit_log import AuditLog
from components.release.registry_state import MANIFEST_DIGEST, RELEASE, State, Version
from schema.errors import InputError

if TYPE_CHECKING:
    from components.release.store import ReleaseStore

REBUILD = "`diptych releases rebuild-registry` sets it right"


def checked(store: "ReleaseStore", log: AuditLog, state: State, here: str, mend: bool) -> State:
    """Return the state with every version under the number that the audit log has for its model.

    Args:
        store: of the releases.
        log: its audit log.
        state: as the registry has it.
        here: how the registered model is named in messages.
        mend: set tags right that were edited.

    Raises:
        InputError: a version is another store's, or its tags were edited.
    """
    numbers = {e.model: e.release for e in log.events if e.model}
    written = {(e.release, e.manifest) for e in log.events if e.manifest}
    versions: dict[str, Version] = {}
    for key, each in state.versions.items():
        number = numbers.get(each.model_digest or "")
        if number is None:
            raise InputError(
                f"{here}: its version {each.version} is a release "
                f"{'' if each.release is None else f'{each.release} '}that {store.folder} does not "
                "have; set `name`, registry.uri or push.path right, or, if nobody needs that "
                "version, delete it in MLflow"
            )
        if (each.release, each.manifest_digest) not in written or each.release != number:
            digest = log.manifests().get(number) or next(
                e.manifest for e in log.events if e.release == number and e.manifest
            )
            right = {RELEASE: str(number)}
            if (number, each.manifest_digest) not in written:
                right[MANIFEST_DIGEST] = digest
            if not mend:
                tags = " and ".join(f"{tag}={value}" for tag, value in right.items())
                raise InputError(
                    f"{here}: the tags of its version {each.version}, which is release {number}, "
                    f"were edited; set {tags} again, or {REBUILD}"
                )
            for tag, value in right.items():
                store.registry.tag(each.version, tag, value)
            each = dataclasses.replace(
                each,
                release=number,
                manifest_digest=right.get(MANIFEST_DIGEST, each.manifest_digest),
            )
        versions[key] = each
    return dataclasses.replace(state, versions=versions)
