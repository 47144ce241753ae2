"""TowerConverter: the TFX component."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact, standard_artifacts


class PortableTowersArtifact(Artifact):
    """A folder with `portable.json`, the converted towers and the tokenizer."""

    TYPE_NAME = "diptych.PortableTowers"


@component
def TowerConverter(
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    portable: OutputArtifact[PortableTowersArtifact],
    split: Parameter[str],
    config: Parameter[str],
    prepared: Parameter[str],
    plugins: Parameter[str],
) -> None:
    """Write both towers alone as ONNX and LiteRT files, and measure them.

    A network that a converter does not know does not fail the node: `portable.json` says so, and
    ServingCheck judges the files.

    Args:
        model: of the Trainer.
        examples: transformed records.
        portable: the files.
        split: the one that the trainer evaluates.
        config: canonical JSON of a `PortableConfig`.
        prepared: canonical JSON of a `TransformConfig`, how records were transformed.
        plugins: as of `schema.plugins.load_digested`.
    """
    from components.tower_converter.executor import execute  # half a second for a cached run

    execute(model, examples, portable, split, config, prepared, plugins)
