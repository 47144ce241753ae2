"""What the Pusher executes: unpack the artifacts of a run, push them as one release."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx.types import Artifact

from components.example_gen.records.splits import DIGESTS, TRAIN
from components.pusher import outcome
from components.pusher.measurements import gather, read_curves
from components.release import contents
from components.release.config import Keep
from components.release.contents import Contents
from components.release.retention import prune
from components.release.store import open_store
from schema.serving_names import TRAINED_WITH, WEIGHT_MIXING
from trainer.config.overrides import merged


def execute(
    model: Artifact,
    model_run: Artifact,
    folders: Mapping[str, Artifact],
    examples: Artifact,
    serving_check: Artifact,
    pushed_model: Artifact,
    config: str,
    files: Mapping[str, Artifact],
) -> None:
    """Push the artifacts of a run as one release.

    Args:
        model: of the Trainer.
        model_run: its TensorBoard files.
        folders: artifacts that are part of the release, by the names that
            `components.release.contents` defines; index and portable towers only if there are any.
        examples: the data; its span, fingerprint and digests are kept.
        serving_check: its report and the warm-up requests.
        pushed_model: gets the outcome and the properties of TFX's own Pusher.
        config: canonical JSON of the whole run.
        files: artifacts that are one file of the release each, by its name there.
    """
    values = json.loads(config)
    paths = {name: Path(artifact.uri) for name, artifact in folders.items()}
    checked = Path(serving_check.uri)
    curve = Path(model.uri, WEIGHT_MIXING)
    fingerprint = examples.get_string_custom_property("input_fingerprint")
    release = Contents(
        model=Path(model.uri),
        serving_check=checked,
        folders=paths,
        gathered=gather(paths[contents.EVALUATION], checked, paths.get(contents.INDEX)),
        config=as_trained(values, Path(model.uri)),
        data={
            "span": str(examples.span),
            "version": str(examples.version),
            "fingerprint": hashlib.sha256(fingerprint.encode()).hexdigest()[:16],
        },
        curves=read_curves(Path(model_run.uri)),
        files={
            contents.TRAINED_ON: Path(examples.uri, DIGESTS.format(TRAIN)),
            **({WEIGHT_MIXING: curve} if curve.exists() else {}),
            **{name: Path(artifact.uri) for name, artifact in files.items()},
        },
    )
    store = open_store(values)
    pushed = outcome.push(store, release)
    keep = values["push"].get("keep")
    if keep:
        prune(store, Keep.model_validate(keep))
    outcome.write(Path(pushed_model.uri), pushed)
    # The properties that TFX's own Pusher sets.
    pushed_model.set_int_custom_property("pushed", int(pushed.champion))
    pushed_model.set_string_custom_property(
        "pushed_destination", str(store.folders.path(pushed.release))
    )
    pushed_model.set_string_custom_property("pushed_version", str(pushed.release))


def as_trained(config: dict[str, Any], model: Path) -> dict[str, Any]:
    """Return the config of a run with the values that a Tuner chose, if there was one.

    Args:
        config: as JSON.
        model: the Trainer's artifact, which has the values.
    """
    path = model / TRAINED_WITH
    if not path.exists():
        return config
    return merged(config, json.loads(path.read_text(encoding="utf-8")))
