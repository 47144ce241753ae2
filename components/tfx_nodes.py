"""StatisticsGen, Trainer and Tuner: TFX's nodes and executors, which are imported where they run.

TFX's own classes of the same names import their executors at once, and TensorFlow with them.
"""

import json
from typing import Any

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec, ExecutorClassSpec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import json_utils

from components.deferred_executor import Artifacts, DeferredBeamExecutor, DeferredExecutor


class StatisticsExecutor(DeferredBeamExecutor):
    """TFX's, whose options it makes from their names and values."""

    def load(self) -> type[BaseExecutor]:
        from tfx.components.statistics_gen.executor import Executor

        return Executor

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> Any:
        """Compute the statistics."""
        self.load()  # TFX first, without whose patches TFDV cannot be imported
        import tensorflow_data_validation as tfdv

        key = specs.STATS_OPTIONS_JSON_KEY
        options = tfdv.StatsOptions(**json.loads(exec_properties[key]))
        return super().Do(input_dict, output_dict, {**exec_properties, key: options.to_json()})


class TrainerExecutor(DeferredExecutor):
    """TFX's, which calls `run_fn`."""

    def load(self) -> type[BaseExecutor]:
        from tfx.components.trainer.executor import GenericExecutor

        return GenericExecutor


class TunerExecutor(DeferredExecutor):
    """TFX's, which calls `tuner_fn`."""

    def load(self) -> type[BaseExecutor]:
        from tfx.components.tuner.executor import Executor

        return Executor


class StatisticsGen(BaseBeamComponent):
    """Compute statistics of every split with TFDV.

    Args:
        examples: the records.
        options: keyword arguments of `tfdv.StatsOptions`.
    """

    SPEC_CLASS = specs.StatisticsGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(StatisticsExecutor)

    def __init__(self, examples: BaseChannel, options: dict[str, Any]):
        super().__init__(
            specs.StatisticsGenSpec(
                examples=examples,
                stats_options_json=json.dumps(options),
                exclude_splits=json_utils.dumps([]),
                statistics=Channel(type=standard_artifacts.ExampleStatistics),
            )
        )


class Trainer(BaseComponent):
    """Train a model by `run_fn`.

    Args:
        run_fn: dotted path of the function.
        examples: transformed records.
        transform_graph: that transformed them.
        schema: of the raw records.
        train_args: the splits to train on.
        eval_args: the splits to evaluate on.
        custom_config: what the function gets; JSON.
        hyperparameters: of the Tuner, if there is one.
    """

    SPEC_CLASS = specs.TrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(TrainerExecutor)

    def __init__(
        self,
        run_fn: str,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        schema: BaseChannel,
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        custom_config: dict[str, Any],
        hyperparameters: BaseChannel | None = None,
    ):
        super().__init__(
            specs.TrainerSpec(
                run_fn=run_fn,
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                hyperparameters=hyperparameters,
                train_args=train_args,
                eval_args=eval_args,
                custom_config=json_utils.dumps(custom_config),
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )


class Tuner(BaseComponent):
    """Choose hyperparameters by `tuner_fn`.

    Args:
        tuner_fn: dotted path of the function.
        examples: transformed records.
        transform_graph: that transformed them.
        train_args: the splits to train on.
        eval_args: the splits to evaluate on.
        custom_config: what the function gets; JSON.
    """

    SPEC_CLASS = specs.TunerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(TunerExecutor)

    def __init__(
        self,
        tuner_fn: str,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        train_args: trainer_pb2.TrainArgs,
        eval_args: trainer_pb2.EvalArgs,
        custom_config: dict[str, Any],
    ):
        super().__init__(
            specs.TunerSpec(
                tuner_fn=tuner_fn,
                examples=examples,
                transform_graph=transform_graph,
                train_args=train_args,
                eval_args=eval_args,
                custom_config=json_utils.dumps(custom_config),
                best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
                tuner_results=Channel(type=standard_artifacts.TunerResults),
            )
        )
