"""The Evaluator: TFX's runs TFMA, then our gates decide, in sentences.

TFMA's thresholds know neither intervals nor the size of a slice, so TFX is told none and blesses
nothing; what is blessed and why is written here.
"""

import json
import os
from typing import Any

from google.protobuf import json_format
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils, channel, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.system_executions import Evaluate
from tfx.utils import io_utils, path_utils

from components.baseline import component as baseline
from components.evaluator import gates, report
from components.evaluator.config import EvaluationConfig
from components.evaluator.metrics import text_metrics
from components.evaluator.metrics.classes import attribute_values
from components.evaluator.ranking import stored
from components.evaluator.remarks import remarks
from components.evaluator.tfma import eval_config, results
from schema.plugins import KEY as PLUGINS
from schema.plugins import load_digested

CONFIG, BASELINE = "config", "baseline"
Artifacts = dict[str, list[Artifact]]


class Executor(tfx_executor.Executor):
    """TFX's executor between our inputs and our verdict."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Evaluate the model, beside the baseline if there is one, and decide."""
        load_digested(exec_properties[PLUGINS])
        config = EvaluationConfig.model_validate_json(exec_properties[CONFIG])
        ours = (BASELINE, specs.STATISTICS_KEY)
        inputs = {key: found for key, found in input_dict.items() if key not in ours}
        attributes = attribute_values(
            artifact_utils.get_single_uri(input_dict[specs.STATISTICS_KEY])
        )
        classes = attributes.get(config.zero_shot.attribute, ()) if config.zero_shot else ()
        given = input_dict.get(BASELINE)
        release = baseline_release(given[0].uri) if given else None
        if given and release is not None:
            inputs[specs.BASELINE_MODEL_KEY] = given
        told = {
            specs.EVAL_CONFIG_KEY: json_format.MessageToJson(eval_config.build(config, classes)),
            specs.EXAMPLE_SPLITS_KEY: json.dumps([config.split]),
            specs.MODULE_PATH_KEY: "components.evaluator.tfma.extractor",
        }
        embedded = f"{self._get_tmp_dir()}/embedded"  # where workers of a cluster reach it
        given_before = stored.FOLDER.set(embedded)
        try:
            super().Do(inputs, output_dict, {**exec_properties, **told})
        finally:
            stored.FOLDER.reset(given_before)
            if fileio.exists(embedded):
                fileio.rmtree(embedded)
        uri = artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY])
        examples = artifact_utils.get_split_uri(input_dict[specs.EXAMPLES_KEY], config.split)
        [model] = input_dict[specs.MODEL_KEY]
        tokens = text_metrics.measure(examples, path_utils.serving_model_path(model.uri))
        measured, counted = results.read(uri)
        measured[()] = measured.get((), {}) | tokens
        said = (*remarks(config, measured, counted, attributes), *text_metrics.warnings(tokens))
        report.write(report.Report(measured, counted, said), uri)
        decided = gates.decide(config, measured, release)
        gates.write(decided, uri)
        bless(artifact_utils.get_single_instance(output_dict[specs.BLESSING_KEY]), decided, inputs)


def baseline_release(uri: str) -> int | None:
    """The number of the release in a baseline artifact, None in that of a first run."""
    told: dict[str, int | None] = json.loads(
        io_utils.read_string_file(os.path.join(uri, baseline.FILE))
    )
    return told["release"]


def bless(blessing: Artifact, decided: gates.Verdict, inputs: Artifacts) -> None:
    """Fill in the blessing as TFX's own executor does, for its Pusher and its Resolver."""
    compared = (
        (
            specs.MODEL_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
        ),
        (
            specs.BASELINE_MODEL_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY,
        ),
    )
    for key, uri, number in compared:
        for model in inputs.get(key, []):
            blessing.set_string_custom_property(uri, model.uri)
            blessing.set_int_custom_property(number, model.id)
    name, value = (
        (constants.BLESSED_FILE_NAME, constants.BLESSED_VALUE)
        if decided.passed
        else (constants.NOT_BLESSED_FILE_NAME, constants.NOT_BLESSED_VALUE)
    )
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)


class _Spec(ComponentSpec):
    PARAMETERS = {  # noqa: RUF012  TFX's way
        CONFIG: ExecutionParameter(type=str),
        PLUGINS: ExecutionParameter(type=str),
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


class Evaluator(base_beam_component.BaseBeamComponent):
    """Metrics, verdict and blessing of a model.

    Outputs: `evaluation`, with TFMA's files, `evaluation.json` and `verdict.json`; and `blessing`.

    Args:
        examples: the records as ImageTextExampleGen wrote them.
        model: the candidate.
        schema: of the records.
        statistics: of the data that the candidate was trained on; the classes it knows are there.
        config: canonical JSON of the evaluation section.
        baseline: of the Baseline component; left out, there is nothing to compare with.
        plugins: as of `schema.plugins.load_digested`.
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
    ):
        told: dict[str, Any] = {
            specs.EXAMPLES_KEY: examples,
            specs.MODEL_KEY: model,
            specs.SCHEMA_KEY: schema,
            specs.STATISTICS_KEY: statistics,
            CONFIG: config,
            BASELINE: baseline,
            PLUGINS: plugins,
            specs.EVALUATION_KEY: types.Channel(type=standard_artifacts.ModelEvaluation),
            specs.BLESSING_KEY: types.Channel(type=standard_artifacts.ModelBlessing),
        }
        super().__init__(spec=_Spec(**told))
