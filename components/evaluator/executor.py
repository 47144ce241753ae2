"""Run TFX's Evaluator, which runs TFMA, and then let the gates decide.

TFMA's thresholds know neither intervals nor the size of a slice, so TFX gets none and blesses
nothing: this executor decides, writes the verdict and blesses the model.
"""

import json
from typing import Any

import tensorflow as tf
from google.protobuf import json_format
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_executor
from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, path_utils

import tensorflow_data_validation as tfdv  # isort: skip  needs tfx to be imported first

from components.baseline import component as baseline
from components.evaluator import gates, report
from components.evaluator.config import BASELINE, CONFIG, RETAINED, EvaluationConfig
from components.evaluator.metrics import token_metrics
from components.evaluator.ranking import stored
from components.evaluator.remarks import remarks
from components.evaluator.tfma import eval_config, results
from schema import features
from schema.plugins import KEY as PLUGINS
from schema.plugins import load_digested
from schema.serving_names import FOLDERS, JOINT

RETAINED_FOLDER = "retained"  # in the evaluation artifact: TFMA's files of each retained data set
# Where StatisticsGen, and a release after it, has the statistics of the train split.
TRAINED_ON = "Split-train/FeatureStats.pb"
Artifacts = dict[str, list[Artifact]]


class Executor(tfx_executor.Executor):
    """Measure by TFX's executor, and decide by the gates."""

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Evaluate the model, beside the baseline if there is one, and decide."""
        load_digested(exec_properties[PLUGINS])
        config = EvaluationConfig.model_validate_json(exec_properties[CONFIG])
        attributes = attribute_values(
            artifact_utils.get_single_uri(input_dict[specs.STATISTICS_KEY])
        )
        classes = attributes.get(config.zero_shot.attribute, ()) if config.zero_shot else ()
        models = input_dict.get(BASELINE, [])
        release = baseline_release(models[0].uri) if models else None
        ours = (BASELINE, specs.STATISTICS_KEY)
        alone = {key: artifacts for key, artifacts in input_dict.items() if key not in ours}
        compared = {**alone, specs.BASELINE_MODEL_KEY: models}
        inputs = compared if release is not None else alone
        parameters = {
            specs.EVAL_CONFIG_KEY: json_format.MessageToJson(eval_config.build(config, classes)),
            specs.EXAMPLE_SPLITS_KEY: json.dumps([config.split]),
            specs.MODULE_PATH_KEY: "components.evaluator.tfma.extractor",
        }
        self._measure(inputs, output_dict, {**exec_properties, **parameters})
        uri = artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY])
        # Where nothing serves there may be the model that the run started from.
        start = release is None and bool(models) and has_model(models[0].uri)
        retained = {}
        for name in json.loads(exec_properties[RETAINED]):
            place = standard_artifacts.ModelEvaluation()
            place.uri = f"{uri}/{RETAINED_FOLDER}/{name}"
            parameters[specs.EXAMPLE_SPLITS_KEY] = json.dumps([name])
            self._measure(
                compared if start else inputs,
                {**output_dict, specs.EVALUATION_KEY: [place]},
                {**exec_properties, **parameters},
            )
            retained[name], _ = results.read(place.uri)
        examples = artifact_utils.get_split_uri(input_dict[specs.EXAMPLES_KEY], config.split)
        [model] = input_dict[specs.MODEL_KEY]
        tokens = token_metrics.measure(examples, path_utils.serving_model_path(model.uri))
        measured, class_counts = results.read(uri)
        measured[()] = measured.get((), {}) | tokens
        sentences = remarks(config, measured, class_counts, attributes)
        sentences += tuple(token_metrics.warnings(tokens))
        report.write(report.Report(measured, class_counts, sentences, retained), uri)
        verdict = gates.decide(config, measured, release, retained, start)
        gates.write(verdict, uri)
        bless(artifact_utils.get_single_instance(output_dict[specs.BLESSING_KEY]), verdict, inputs)

    def _measure(
        self, inputs: Artifacts, outputs: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Run TFX's executor with a folder for embeddings that all Beam workers reach."""
        embedded = f"{self._get_tmp_dir()}/embedded"
        before = stored.FOLDER.set(embedded)
        try:
            super().Do(inputs, outputs, exec_properties)
        finally:
            stored.FOLDER.reset(before)
            if fileio.exists(embedded):
                fileio.rmtree(embedded)


def attribute_values(statistics: str) -> dict[str, tuple[str, ...]]:
    """Return the values of each attribute in the train split, sorted; as many as statistics keep.

    Args:
        statistics: folder of an ExampleStatistics artifact, or of a release's copy.
    """
    path = f"{statistics}/{TRAINED_ON}"
    if not tf.io.gfile.exists(path):
        return {}
    values = {}
    for feature in tfdv.load_stats_binary(path).datasets[0].features:
        name = feature.name or feature.path.step[0]
        if features.is_attribute(name):
            buckets = feature.string_stats.rank_histogram.buckets
            values[features.attribute_name(name)] = tuple(sorted(each.label for each in buckets))
    return values


def baseline_release(uri: str) -> int | None:
    """Return the number of the release in a baseline artifact, None in that of a first run."""
    payload: dict[str, int | None] = json.loads(io_utils.read_string_file(f"{uri}/{baseline.FILE}"))
    return payload["release"]


def has_model(uri: str) -> bool:
    """Return whether a baseline artifact holds a model."""
    return bool(fileio.exists(f"{uri}/{FOLDERS[JOINT]}"))


def bless(blessing: Artifact, verdict: gates.Verdict, inputs: Artifacts) -> None:
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
        if verdict.passed
        else (constants.NOT_BLESSED_FILE_NAME, constants.NOT_BLESSED_VALUE)
    )
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
