"""The Evaluator: TFX's node, whose executor lets the gates of the config decide."""

import json
from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import channel, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.system_executions import Evaluate

from components.deferred_executor import DeferredBeamExecutor
from components.evaluator.config import BASELINE, CONFIG, RETAINED
from schema.plugins import KEY as PLUGINS


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        CONFIG: ExecutionParameter(type=str),
        PLUGINS: ExecutionParameter(type=str),
        RETAINED: ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        specs.EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        specs.MODEL_KEY: ChannelParameter(type=standard_artifacts.Model),
        specs.SCHEMA_KEY: ChannelParameter(type=standard_artifacts.Schema),
        specs.STATISTICS_KEY: ChannelParameter(type=standard_artifacts.ExampleStatistics),
        BASELINE: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        specs.EVALUATION_KEY: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        specs.BLESSING_KEY: ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    TYPE_ANNOTATION = Evaluate


class Executor(DeferredBeamExecutor):
    """Measures and decides; see `components.evaluator.executor`."""

    def load(self) -> type[BaseExecutor]:
        from components.evaluator.executor import Executor

        return Executor


class Evaluator(base_beam_component.BaseBeamComponent):
    """Measure a model, decide whether it may be shipped, and bless it.

    Outputs: `evaluation`, with TFMA's files, `evaluation.json` and `verdict.json`; and `blessing`.

    Args:
        examples: the records as ImageTextExampleGen wrote them.
        model: the candidate.
        schema: of the records.
        statistics: of the data that the candidate was trained on; the classes it knows are there.
        config: canonical JSON of the evaluation section.
        baseline: of the Baseline component; left out, there is nothing to compare with.
        plugins: as of `schema.plugins.load_digested`.
        retained: names of the retained data sets, splits of `examples`.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        model: channel.BaseChannel,
        schema: channel.BaseChannel,
        statistics: channel.BaseChannel,
        config: str,
        baseline: channel.BaseChannel | None = None,
        plugins: str = "{}",
        retained: Sequence[str] = (),
    ):
        parameters: dict[str, Any] = {
            specs.EXAMPLES_KEY: examples,
            specs.MODEL_KEY: model,
            specs.SCHEMA_KEY: schema,
            specs.STATISTICS_KEY: statistics,
            CONFIG: config,
            BASELINE: baseline,
            PLUGINS: plugins,
            RETAINED: json.dumps(list(retained)),
            specs.EVALUATION_KEY: types.Channel(type=standard_artifacts.ModelEvaluation),
            specs.BLESSING_KEY: types.Channel(type=standard_artifacts.ModelBlessing),
        }
        super().__init__(spec=_Spec(**parameters))
