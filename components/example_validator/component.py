"""The node ExampleValidator: bad data stops the run; drift stops it or warns."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import channel, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.system_executions import Process

from components.deferred_executor import DeferredExecutor
from components.example_gen.component import QuarantineArtifact
from components.example_gen.config import QUARANTINE
from components.example_validator.config import DRIFT, MAX_QUARANTINED, MAX_REMOVED, SERVED


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        DRIFT: ExecutionParameter(type=str),
        MAX_QUARANTINED: ExecutionParameter(type=float),
        MAX_REMOVED: ExecutionParameter(type=float),
    }
    INPUTS = {  # noqa: RUF012
        specs.STATISTICS_KEY: ChannelParameter(type=standard_artifacts.ExampleStatistics),
        specs.SCHEMA_KEY: ChannelParameter(type=standard_artifacts.Schema),
        QUARANTINE: ChannelParameter(type=QuarantineArtifact),
        SERVED: ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        specs.ANOMALIES_KEY: ChannelParameter(type=standard_artifacts.ExampleAnomalies)
    }
    TYPE_ANNOTATION = Process


class Executor(DeferredExecutor):
    """Validates; see `components.example_validator.executor`."""

    def load(self) -> type[BaseExecutor]:
        from components.example_validator.executor import Executor

        return Executor


class ExampleValidator(base_component.BaseComponent):
    """Validate the data; writes TFX's anomalies and `report.json`.

    Args:
        statistics: of StatisticsGen.
        schema: of ImportSchema.
        drift: canonical JSON of `data.drift`.
        quarantine: of ImageTextExampleGen.
        max_quarantined: the share of the records read above which the run stops.
        max_removed: the share of a split above which near duplicates that were removed stop it.
        served: of ServedStatistics; left out, there is nothing to compare with.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: channel.BaseChannel,
        schema: channel.BaseChannel,
        drift: str,
        quarantine: channel.BaseChannel,
        max_quarantined: float,
        max_removed: float,
        served: channel.BaseChannel | None = None,
    ):
        spec = _Spec(
            **{
                specs.STATISTICS_KEY: statistics,
                specs.SCHEMA_KEY: schema,
                SERVED: served,
                DRIFT: drift,
                QUARANTINE: quarantine,
                MAX_QUARANTINED: max_quarantined,
                MAX_REMOVED: max_removed,
                specs.ANOMALIES_KEY: types.Channel(type=standard_artifacts.ExampleAnomalies),
            }
        )
        super().__init__(spec=spec)
