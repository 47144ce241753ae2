"""Pusher: one release or nothing, recorded in the registry, champion if every gate allows it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.catalogue_index.component import CatalogueIndexArtifact
from components.example_gen import split_digests
from components.example_gen.records.splits import TRAIN
from components.pusher import outcome
from components.pusher.curves import read_curves
from components.pusher.gates import gather
from components.pusher.outcome import Outcome
from components.release import contents
from components.release.config import Keep
from components.release.contents import Contents
from components.release.gates import RefusedError
from components.release.retention import prune
from components.release.store import ReleaseStore, open_store
from schema.serving_names import TRAINED_WITH
from trainer.config.overrides import merged


@component
def Pusher(
    model: InputArtifact[standard_artifacts.Model],
    model_run: InputArtifact[standard_artifacts.ModelRun],
    transform_graph: InputArtifact[standard_artifacts.TransformGraph],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    serving_check: InputArtifact[standard_artifacts.InfraBlessing],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    config: Parameter[str],
    lost: Parameter[str],
    index: InputArtifact[CatalogueIndexArtifact] = None,
) -> None:
    """Release a model.

    Args:
        model: the Trainer's three SavedModels.
        model_run: its TensorBoard curves.
        transform_graph: what the models were trained behind.
        statistics: of the training data.
        examples: the data itself; its span, fingerprint and digests are kept.
        evaluation: metrics and verdict.
        serving_check: its report and the warm-up requests.
        pushed_model: says what became of it; see `components.pusher.outcome`.
        config: canonical JSON of the whole run.
        lost: champions whose files are gone; has this node run again when there are some.
        index: of the embedded catalogue, if the config asks for one.
    """
    told = json.loads(config)
    gathered = gather(
        Path(evaluation.uri), Path(serving_check.uri), Path(index.uri) if index else None
    )
    folders = {
        contents.EVALUATION: Path(evaluation.uri),
        contents.STATISTICS: Path(statistics.uri),
        contents.TRANSFORM_GRAPH: Path(transform_graph.uri),
    }
    if index:
        folders[contents.INDEX] = Path(index.uri)
    fingerprint = examples.get_string_custom_property("input_fingerprint")
    release = Contents(
        model=Path(model.uri),
        serving_check=Path(serving_check.uri),
        folders=folders,
        gathered=gathered,
        config=as_trained(told, Path(model.uri)),
        data={
            "span": str(examples.span),
            "version": str(examples.version),
            "fingerprint": hashlib.sha256(fingerprint.encode()).hexdigest()[:16],
        },
        curves=read_curves(Path(model_run.uri)),
        files={contents.TRAINED_ON: Path(examples.uri, split_digests.FILE.format(TRAIN))},
    )
    store = open_store(told)
    pushed = push(store, release)
    keep = told["push"].get("keep")
    if keep:
        prune(store, Keep.model_validate(keep))
    outcome.write(Path(pushed_model.uri), pushed)
    # What TFX's own Pusher says of a push.
    pushed_model.set_int_custom_property("pushed", int(pushed.champion))
    pushed_model.set_string_custom_property(
        "pushed_destination", str(store.folders.path(pushed.release))
    )
    pushed_model.set_string_custom_property("pushed_version", str(pushed.release))


def as_trained(config: dict[str, Any], model: Path) -> dict[str, Any]:
    """The config of a run with the values that a Tuner found, if there was one.

    Args:
        config: as JSON.
        model: the Trainer's artifact, which says so.
    """
    path = model / TRAINED_WITH
    if not path.exists():
        return config
    return merged(config, json.loads(path.read_text(encoding="utf-8")))


def push(store: ReleaseStore, release: Contents) -> Outcome:
    """Publish a release and promote it if its gates allow that."""
    number = store.publish(release.write, release.bytes())
    decision = release.gathered.decision
    try:
        moved = store.promote(number, decision, by=f"run of {release.config['name']}")
    except RefusedError as error:
        return Outcome(release=number, champion=False, sentence=str(error))
    instead = f", in place of release {decision.baseline}" if moved and decision.baseline else ""
    sentence = f"release {number} {'serves now' if moved else 'serves already'}{instead}"
    return Outcome(release=number, champion=True, sentence=sentence)
