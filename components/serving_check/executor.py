"""What ServingCheck executes: unpack the artifacts, check the export, write TFX's blessing."""

import logging
from pathlib import Path

import tensorflow as tf
from tfx.types import Artifact, artifact_utils

from components.example_gen.images.originals import read_originals
from components.serving_check import report
from components.serving_check.check import check_export
from components.serving_check.config import ServingCheckConfig
from schema.serving_names import FOLDERS, GOLDEN_OUTPUTS
from trainer.export import golden_outputs

# What TFX's InfraValidator leaves, so that TFX's own Pusher would obey this check too.
BLESSED, NOT_BLESSED, PROPERTY = "INFRA_BLESSED", "INFRA_NOT_BLESSED", "blessed"

_LOGGER = logging.getLogger(__name__)


def execute(
    model: Artifact,
    examples: Artifact,
    blessing: Artifact,
    split: str,
    config: str,
    normalize: bool,
    portable: Artifact | None = None,
) -> None:
    """Check the export of a model artifact; the arguments are those of the component."""
    golden = f"{model.uri}/{GOLDEN_OUTPUTS}"
    result = check_export(
        models={name: f"{model.uri}/{folder}" for name, folder in FOLDERS.items()},
        originals=read_originals(examples.uri),
        golden_outputs=golden_outputs.read(golden) if tf.io.gfile.exists(golden) else None,
        files=sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*")),
        config=ServingCheckConfig.model_validate_json(config),
        normalize=normalize,
        folder=blessing.uri,
        portable=Path(portable.uri) if portable else None,
    )
    report.write(result, blessing.uri)
    for check in result.failed():
        _LOGGER.warning("%s: %s", check.name, check.sentence)
    Path(blessing.uri, BLESSED if result.passed else NOT_BLESSED).touch()
    blessing.set_int_custom_property(PROPERTY, int(result.passed))
