"""The TFX component: files of image-text pairs in, splits of Examples and a quarantine out."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf import wrappers_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter

from components.deferred_executor import DeferredBeamExecutor
from components.example_gen.config import EXAMPLES, QUARANTINE, IngestConfig
from components.example_gen.driver import Driver
from schema.config.section import canonical_json


class QuarantineArtifact(Artifact):
    """A folder with `summary.json` and JSON Lines, one for each record that is not used."""

    TYPE_NAME = "diptych.Quarantine"


class _Spec(specs.FileBasedExampleGenSpec):
    OUTPUTS = {  # noqa: RUF012  TFX's way
        **specs.FileBasedExampleGenSpec.OUTPUTS,
        QUARANTINE: ChannelParameter(type=QuarantineArtifact),
    }


class Executor(DeferredBeamExecutor):
    """Ingests; see `components.example_gen.executor`."""

    def load(self) -> type[BaseExecutor]:
        from components.example_gen.executor import Executor

        return Executor


class ImageTextExampleGen(FileBasedExampleGen):
    """Ingest image-text pairs.

    Args:
        config: of the data.
        max_captions: the most captions of one image.
        may_be_empty: whether a split may be left without a record. A later node can then stop the
            run, and the quarantine can be read: TFX keeps nothing of a node that fails.
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
        payload = {
            "config": json.loads(canonical_json(config)),
            "max_captions": max_captions,
            "may_be_empty": may_be_empty,
            "plugins": dict(plugins),
        }
        payload["config"]["path"] = ""  # it is the input base, which a run may set otherwise
        custom = example_gen_pb2.CustomConfig()
        custom.custom_config.Pack(wrappers_pb2.StringValue(value=json.dumps(payload)))
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
