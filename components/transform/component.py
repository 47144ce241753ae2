"""Transform: TFX's node with our executor, and without what we do not use of it."""

from typing import Any

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import transform_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import json_utils

from components.deferred_executor import DeferredBeamExecutor


class Executor(DeferredBeamExecutor):
    """Analyses and transforms; see `components.transform.executor`."""

    def load(self) -> type[BaseExecutor]:
        from components.transform.executor import Executor

        return Executor


class Transform(BaseBeamComponent):
    """Make token ids and pixels of records by `preprocessing_fn`.

    Statistics of what it reads and writes are off: over pixels they cost minutes and say nothing.

    Args:
        examples: the records.
        schema: of the records.
        preprocessing_fn: dotted path of the function.
        splits_config: the splits to analyse and those to transform.
        custom_config: what the function gets; JSON.
    """

    SPEC_CLASS = specs.TransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        schema: BaseChannel,
        preprocessing_fn: str,
        splits_config: transform_pb2.SplitsConfig,
        custom_config: dict[str, Any],
    ):
        transformed = Channel(type=standard_artifacts.Examples)
        transformed.matching_channel_name = specs.EXAMPLES_KEY
        super().__init__(
            specs.TransformSpec(
                examples=examples,
                schema=schema,
                preprocessing_fn=preprocessing_fn,
                force_tf_compat_v1=0,
                splits_config=splits_config,
                custom_config=json_utils.dumps(custom_config),
                disable_statistics=1,
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=transformed,
                updated_analyzer_cache=Channel(type=standard_artifacts.TransformCache),
            )
        )
