"""The node CatalogueIndexer: a model and a split of the data in, an index of its images out."""

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.catalogue_index.config import CONFIG, EXAMPLES, INDEX, MODEL, IndexConfig
from components.deferred_executor import DeferredBeamExecutor
from schema.config.section import canonical_json
from schema.plugins import KEY as PLUGINS


class CatalogueIndexArtifact(Artifact):
    """A folder with `index.json`, keys, vectors, the graph if there is one, and what is shown."""

    TYPE_NAME = "diptych.CatalogueIndex"


class Executor(DeferredBeamExecutor):
    """Embeds and indexes; see `components.catalogue_index.executor`."""

    def load(self) -> type[BaseExecutor]:
        from components.catalogue_index.executor import Executor

        return Executor


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  the names are TFX's
        CONFIG: ExecutionParameter(type=str),
        PLUGINS: ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {INDEX: ChannelParameter(type=CatalogueIndexArtifact)}  # noqa: RUF012


class CatalogueIndexer(BaseBeamComponent):
    """Index the embedded images of a split.

    Args:
        model: the Trainer's `model`.
        examples: raw records, the ExampleGen's `examples`.
        config: the `index` section.
        plugins: as of `schema.plugins.load_digested`.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, model: BaseChannel, examples: BaseChannel, config: IndexConfig, plugins: str = "{}"
    ):
        super().__init__(
            _Spec(
                model=model,
                examples=examples,
                config=canonical_json(config),
                plugins=plugins,
                index=Channel(type=CatalogueIndexArtifact),
            )
        )
