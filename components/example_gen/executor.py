"""The TFX executor: files of image-text pairs in, splits of Examples and a quarantine out."""

import re
from collections.abc import Mapping
from typing import Any

from tfx.components.example_gen import utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.beam_blocks import bucket_count
from components.deferred_executor import Artifacts
from components.example_gen.config import EXAMPLES, QUARANTINE
from components.example_gen.driver import ingest_config, patterns
from components.example_gen.files import find_parts, retained_parts
from components.example_gen.ingest.beam_graph import NODE, Places, ingest
from components.example_gen.ingest.shards import shard_path, write_shard
from components.example_gen.records import quarantine
from components.example_gen.records.quarantine import Summary
from schema.errors import InputError
from schema.progress import report


class Executor(BaseBeamExecutor):
    """Ingest every split; all or nothing."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Raise InputError if a file is damaged as a whole or a split is left empty."""
        self._log_startup(input_dict, output_dict, exec_properties)
        config, max_captions, may_be_empty = ingest_config(exec_properties)
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES])
        examples.split_names = artifact_utils.encode_split_names(sorted(config.all_splits))
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")
        places = Places(
            examples=examples.uri,
            splits={
                split: artifact_utils.get_split_uri([examples], split)
                for split in config.all_splits
            },
            quarantine=artifact_utils.get_single_uri(output_dict[QUARANTINE]),
            image_store=f"{self._get_tmp_dir()}/images",  # where workers of a cluster reach it
        )
        for folder in (*places.splits.values(), places.quarantine):
            fileio.makedirs(folder)
        parts = [
            *find_parts(config.path, patterns(exec_properties), config),
            *retained_parts(config),
        ]
        try:
            with self._make_beam_pipeline() as pipeline:
                ingest(pipeline, parts, config, max_captions, places, _buckets(exec_properties))
        finally:
            if fileio.exists(places.image_store):
                fileio.rmtree(places.image_store)
        summary = _checked_summary(places.quarantine)
        if not may_be_empty:
            for sentence in quarantine.empty_splits(places.quarantine, config.all_splits):
                raise InputError(sentence)
        for split, folder in places.splits.items():
            if not summary.examples.get(split):  # whoever reads a split expects a file
                write_shard(shard_path(folder, 0, 1), [], ())


def _buckets(exec_properties: Mapping[str, Any]) -> int:
    """Return a number of buckets for the bytes that TFX's driver found in the files."""
    found = re.findall(r"total_bytes:(\d+)", exec_properties[utils.FINGERPRINT_PROPERTY_NAME])
    return bucket_count(sum(map(int, found)))


def _checked_summary(folder: str) -> Summary:
    """Read the sums of an ingest, which must account for every record."""
    summary = quarantine.read_summary(folder)
    if summary.lost:
        raise InputError(
            f"{abs(summary.lost):,} of {summary.read:,} records cannot be accounted for: Beam's "
            "workers lost or repeated them; nothing was written"
        )
    report(NODE, records=summary.read, quarantined=summary.unusable)
    return summary
