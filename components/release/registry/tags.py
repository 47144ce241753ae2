"""Tell which versions in the registry are releases of this store, whatever was edited there."""

import dataclasses
from typing import TYPE_CHECKING

from components.release.log.audit_log import AuditLog
from components.release.registry.state import MANIFEST_DIGEST, MODEL_DIGEST, RELEASE, State, Version
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
    written = [e for e in log.events if e.manifest]
    by_model = {e.model: e for e in written}
    by_manifest = {e.manifest: e for e in written}
    last = {e.release: e for e in written}
    versions: dict[str, Version] = {}
    for key, each in state.versions.items():
        # A model that was pruned and pushed again has two numbers, and each its own manifest.
        ours = by_manifest.get(each.manifest_digest or "") or by_model.get(each.model_digest or "")
        if ours is None:
            raise InputError(
                f"{here}: its version {each.version} is a release "
                f"{'' if each.release is None else f'{each.release} '}that {store.folder} does not "
                "have; set `name`, registry.uri or push.path right, or, if nobody needs that "
                "version, delete it in MLflow"
            )
        right: dict[str, str] = {}
        if each.release != ours.release:
            right[RELEASE] = str(ours.release)
        if each.model_digest != ours.model:
            right[MODEL_DIGEST] = ours.model
        same = by_manifest.get(each.manifest_digest or "")
        if same is None or same.release != ours.release:
            right[MANIFEST_DIGEST] = last[ours.release].manifest
        if right:
            if not mend:
                tags = " and ".join(f"{tag}={value}" for tag, value in right.items())
                raise InputError(
                    f"{here}: the tags of its version {each.version}, which is release "
                    f"{ours.release}, were edited; set {tags} again, or {REBUILD}"
                )
            for tag, value in right.items():
                store.registry.tag(each.version, tag, value)
            each = dataclasses.replace(
                each,
                release=ours.release,
                manifest_digest=right.get(MANIFEST_DIGEST, each.manifest_digest),
            )
        versions[key] = each
    return dataclasses.replace(state, versions=versions)
