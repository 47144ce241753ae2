"""ServingCheck: the TFX component."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.tower_converter.component import PortableTowersArtifact


@component
def ServingCheck(
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    blessing: OutputArtifact[standard_artifacts.InfraBlessing],
    split: Parameter[str],
    config: Parameter[str],
    normalize: Parameter[int],
    portable: InputArtifact[PortableTowersArtifact] = None,
) -> None:
    """Check an export; a failed check does not fail the node, the Pusher reads the report.

    Args:
        model: of the Trainer.
        examples: raw records.
        blessing: the report (`check.json`), the warm-up requests, and TFX's blessing.
        split: the one that the trainer evaluates.
        config: canonical JSON of a `ServingCheckConfig`.
        normalize: 1 if embeddings must have length 1, else 0.
        portable: of TowerConverter, if the config has it.
    """
    from components.serving_check.executor import execute  # TensorFlow: no cached run needs it

    execute(model, examples, blessing, split, config, bool(normalize), portable)
