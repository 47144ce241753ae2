"""The TFX component: files of image-text pairs in, splits of Examples and a quarantine out."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf import wrappers_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.components.util import examples_utils
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter

from components.example_gen.config import IngestConfig
from components.example_gen.driver import Driver, ingest_config, patterns
from components.example_gen.files import find_parts
from components.example_gen.ingest.beam_graph import NODE, Places, ingest
from components.example_gen.ingest.write import shard_path, write_shard
from components.example_gen.records import quarantine
from components.example_gen.records.quarantine import Summary
from schema.errors import InputError
from schema.progress import report
from trainer.config.model import canonical_json

EXAMPLES, QUARANTINE = specs.EXAMPLES_KEY, "quarantine"

Artifacts = dict[str, list[Artifact]]


class QuarantineArtifact(Artifact):
    """A folder with `summary.json` and lines of JSON, one for each record that is not used."""

    TYPE_NAME = "diptych.Quarantine"


class Executor(BaseBeamExecutor):
    """Ingest every split; all or nothing."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Raise InputError if a file is damaged as a whole or a split is left empty."""
        self._log_startup(input_dict, output_dict, exec_properties)
        config, max_captions, may_be_empty = ingest_config(exec_properties)
        base = config.path
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES])
        examples.split_names = artifact_utils.encode_split_names(sorted(config.splits))
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")
        places = Places(
            examples=examples.uri,
            splits={
                split: artifact_utils.get_split_uri([examples], split) for split in config.splits
            },
            quarantine=artifact_utils.get_single_uri(output_dict[QUARANTINE]),
            spool=f"{self._get_tmp_dir()}/spool",  # where workers of a cluster reach it
        )
        for folder in (*places.splits.values(), places.quarantine):
            fileio.makedirs(folder)
        parts = list(find_parts(base, patterns(exec_properties), config))
        try:
            with self._make_beam_pipeline() as pipeline:
                ingest(pipeline, parts, config, max_captions, places)
        finally:
            if fileio.exists(places.spool):
                fileio.rmtree(places.spool)
        summary = _account(places.quarantine)
        if not may_be_empty:
            for sentence in quarantine.empty_splits(places.quarantine, config.splits):
                raise InputError(sentence)
        for split, folder in places.splits.items():
            if not summary.examples.get(split):  # whoever reads a split expects a file
                write_shard(shard_path(folder, 0, 1), [], ())


def _account(folder: str) -> Summary:
    summary = quarantine.read_summary(folder)
    if summary.lost:
        raise InputError(
            f"{abs(summary.lost):,} of {summary.read:,} records cannot be accounted for: Beam's "
            "workers lost or repeated them; nothing was written"
        )
    report(NODE, records=summary.read, quarantined=summary.unusable)
    return summary


class _Spec(specs.FileBasedExampleGenSpec):
    OUTPUTS = {  # noqa: RUF012  TFX's way
        **specs.FileBasedExampleGenSpec.OUTPUTS,
        QUARANTINE: ChannelParameter(type=QuarantineArtifact),
    }


class ImageTextExampleGen(FileBasedExampleGen):
    """Ingest image-text pairs.

    Args:
        config: of the data.
        max_captions: the most captions of one image.
        may_be_empty: whether a split may be left without a record. A later node can stop the run
            then, and the quarantine is there to look into: TFX keeps nothing of a node that fails.
        plugins: digests of the plugins that are loaded before the config is read, by their names.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        config: IngestConfig,
        max_captions: int,
        may_be_empty: bool = False,
        plugins: Mapping[str, str] = MappingProxyType({}),
    ):
        told = {
            "config": json.loads(canonical_json(config)),
            "max_captions": max_captions,
            "may_be_empty": may_be_empty,
            "plugins": dict(plugins),
        }
        told["config"]["path"] = ""  # it is the input base, which a run may set otherwise
        custom = example_gen_pb2.CustomConfig()
        custom.custom_config.Pack(wrappers_pb2.StringValue(value=json.dumps(told)))
        splits = [
            example_gen_pb2.Input.Split(name=name, pattern=pattern)
            for name, pattern in config.patterns.items()
        ]
        spec = _Spec(
            input_base=config.path,
            input_config=example_gen_pb2.Input(splits=splits),
            # Ours alone says what goes into which split; TFX would cut a single one in two.
            output_config=example_gen_pb2.Output(),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            custom_config=custom,
            **{EXAMPLES: Channel(type=standard_artifacts.Examples)},
            **{QUARANTINE: Channel(type=QuarantineArtifact)},
        )
        BaseBeamComponent.__init__(self, spec=spec)
