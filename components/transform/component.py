"""The TFX component Transform: records in, the trainer's inputs and their graph out."""

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import channel, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.system_executions import Transform as TransformExecution

from components.deferred_executor import DeferredBeamExecutor
from components.transform.config import CONFIG, CONTENT


class Executor(DeferredBeamExecutor):
    """Learns the vocabulary and transforms; see `components.transform.executor`."""

    def load(self) -> type[BaseExecutor]:
        from components.transform.executor import Executor

        return Executor


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        CONFIG: ExecutionParameter(type=str),
        CONTENT: ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        specs.EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        specs.SCHEMA_KEY: ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {  # noqa: RUF012
        specs.TRANSFORM_GRAPH_KEY: ChannelParameter(type=standard_artifacts.TransformGraph),
        specs.TRANSFORMED_EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
    }
    TYPE_ANNOTATION = TransformExecution


class Transform(BaseBeamComponent):
    """Make token ids and pixels of records by tf.Transform's graph of `preprocessing_fn`.

    TFX's own Transform counts words and makes pixels with the same inputs and outputs. It traces
    the graph ten times, and writes and loads it twice; that takes it three more seconds.

    Args:
        examples: records as ImageTextExampleGen wrote them.
        schema: of the records.
        config: canonical JSON of a `TransformConfig`.
        content: digests of the files that the config names, which only the cache compares.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        schema: channel.BaseChannel,
        config: str,
        content: Any,
    ):
        parameters: dict[str, Any] = {
            CONFIG: config,
            CONTENT: json.dumps(content, sort_keys=True),
            specs.EXAMPLES_KEY: examples,
            specs.SCHEMA_KEY: schema,
            specs.TRANSFORM_GRAPH_KEY: types.Channel(type=standard_artifacts.TransformGraph),
            specs.TRANSFORMED_EXAMPLES_KEY: types.Channel(type=standard_artifacts.Examples),
        }
        super().__init__(spec=_Spec(**parameters))
