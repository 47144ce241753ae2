"""The node CatalogueIndexer: a model and a split of the data in, an index of its images out."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import Artifact, artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from components.catalogue_index import embed, packed, shown
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.recall import write_index
from schema import serving_names
from schema.config.section import canonical_json
from schema.errors import InputError
from schema.plugins import KEY as PLUGINS
from schema.plugins import load_digested

MODEL, EXAMPLES, CONFIG, INDEX = "model", "examples", "config", "index"

Artifacts = dict[str, list[Artifact]]


class CatalogueIndexArtifact(Artifact):
    """A folder with `index.json`, keys, vectors, the graph if there is one, and what is shown."""

    TYPE_NAME = "diptych.CatalogueIndex"


class Executor(BaseBeamExecutor):
    """Embed the catalogue with Beam, build its index here and measure it."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Write the index; one whose recall is too low is written with `passed` false."""
        self._log_startup(input_dict, output_dict, exec_properties)
        load_digested(exec_properties[PLUGINS])
        config = IndexConfig.model_validate_json(exec_properties[CONFIG])
        model = artifact_utils.get_single_instance(input_dict[MODEL])
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES])
        splits = sorted(artifact_utils.decode_split_names(examples.split_names))
        if config.split not in splits:
            raise InputError(f"index.split = {config.split!r} is none of the splits {splits}")
        embedded = f"{self._get_tmp_dir()}/embedded"  # where workers of a cluster reach it
        with self._make_beam_pipeline() as pipeline:
            embed.write_embeddings(
                pipeline,
                f"{artifact_utils.get_split_uri([examples], config.split)}/*",
                f"{model.uri}/{serving_names.FOLDERS[serving_names.JOINT]}",
                config.max_queries,
                config.thumbnails,
                embedded,
            )
        with tempfile.TemporaryDirectory() as scratch:
            keys, vectors, places = embed.catalogue(embedded, Path(scratch))
            queries = embed.captions(embedded)
            here = Path(scratch, "index")
            write_index(keys, vectors, queries, config, here)
            records = partial(packed.read_pieces, embedded, packed.RECORDS)
            shown.write_records(records, places, here)
            if config.thumbnails is not None:
                thumbnails = partial(packed.read_pieces, embedded, packed.THUMBNAILS)
                shown.write_thumbnails(thumbnails, places, here)
            # The artifact may lie on a remote file system; the index needs files to map.
            io_utils.copy_dir(str(here), artifact_utils.get_single_instance(output_dict[INDEX]).uri)


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
