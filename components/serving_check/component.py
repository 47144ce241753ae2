"""ServingCheck: the TFX component."""

import logging
import os

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen.images.originals import read_originals
from components.serving_check import report
from components.serving_check.check import examine
from components.serving_check.config import ServingCheckConfig
from schema.serving_names import FOLDERS, PROBE
from trainer.export import golden_outputs

# What TFX's InfraValidator leaves, so that TFX's own Pusher would obey this check too.
BLESSED, NOT_BLESSED, PROPERTY = "INFRA_BLESSED", "INFRA_NOT_BLESSED", "blessed"

_LOGGER = logging.getLogger(__name__)


@component
def ServingCheck(
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    blessing: OutputArtifact[standard_artifacts.InfraBlessing],
    split: Parameter[str],
    config: Parameter[str],
    normalize: Parameter[int],
) -> None:
    """Check an export; a check that fails does not fail the node, the pusher obeys the report.

    Args:
        model: of the Trainer.
        examples: raw records.
        blessing: the report (`check.json`), the warm-up requests, and TFX's blessing.
        split: the one the trainer evaluates.
        config: canonical JSON of a `ServingCheckConfig`.
        normalize: 1 if embeddings must have length 1, else 0.
    """
    found = examine(
        models={name: os.path.join(model.uri, folder) for name, folder in FOLDERS.items()},
        originals=read_originals(examples.uri),
        probe=_probe(os.path.join(model.uri, PROBE)),
        files=sorted(
            tf.io.gfile.glob(os.path.join(artifact_utils.get_split_uri([examples], split), "*"))
        ),
        config=ServingCheckConfig.model_validate_json(config),
        normalize=bool(normalize),
        folder=blessing.uri,
    )
    report.write(found, blessing.uri)
    for check in found.failed():
        _LOGGER.warning("%s: %s", check.name, check.sentence)
    with tf.io.gfile.GFile(
        os.path.join(blessing.uri, BLESSED if found.passed else NOT_BLESSED), "w"
    ) as file:
        file.write("")
    blessing.set_int_custom_property(PROPERTY, int(found.passed))


def _probe(path: str) -> dict | None:
    return golden_outputs.read(path) if tf.io.gfile.exists(path) else None
