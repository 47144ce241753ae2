"""The TFX executor of CatalogueIndexer: embed a catalogue, index it, and measure the index."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.catalogue_index import embed, packed, shown
from components.catalogue_index.config import CONFIG, EXAMPLES, INDEX, MODEL, IndexConfig
from components.catalogue_index.recall import write_index
from components.deferred_executor import Artifacts
from schema import serving_names
from schema.errors import InputError
from schema.plugins import KEY as PLUGINS
from schema.plugins import load_digested


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
