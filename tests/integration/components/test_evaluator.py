"""Two models on the same queries inside TFX's Evaluator, and what is decided and blessed."""

import dataclasses
import glob
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.evaluator import constants
from tfx.components.pusher.executor import Executor as TfxPusher
from tfx.types import Artifact, standard_artifacts

from components.evaluator import gates as verdict
from components.evaluator import report
from components.evaluator.config import EvaluationConfig, Gate, ZeroShotConfig
from components.evaluator.executor import Executor
from components.evaluator.gates import Verdict
from components.evaluator.metrics.measurement import Results
from components.evaluator.metrics.zero_shot import class_ranks, embed_classes
from components.evaluator.ranking.embedded import Embedded
from components.evaluator.ranking.ranking import rank
from components.evaluator.tfma import results
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import LocalBeam
from schema import features
from schema.config.section import canonical_json
from schema.serving_names import FOLDERS, JOINT
from tests.support.metric_names import (
    EMBEDDING_METRICS,
    RANK_METRICS,
    TOKEN_METRICS,
    ZERO_SHOT_METRICS,
)
from tests.support.ranking import embedded as embedded_records

TEMPLATES = ("{}", "a picture of {}")
GATES = (
    Gate(metric="text_to_image_recall_at_10", not_worse_than_baseline_by=0.0),
    Gate(metric="text_to_image_mrr", slice="category", at_least=0.0, minimum_count=20),
)


@dataclasses.dataclass
class Evaluated:
    """What an Evaluator left."""

    report: report.Report
    results: Results
    verdict: Verdict
    blessing: Artifact


def artifact(kind: Any, folder: Path, number: int = 0) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    made = kind()
    made.uri, made.id = str(folder), number
    return made


def evaluate(run, folder: Path, model: Path, baseline: Path) -> Evaluated:
    """Run the executor as TFX does, on two SavedModels."""
    candidate = artifact(standard_artifacts.Model, folder / "candidate", 11)
    shutil.copytree(model, folder / "candidate" / FOLDERS[JOINT])
    serving = artifact(standard_artifacts.Model, folder / "baseline", 12)
    (folder / "baseline" / "baseline.json").write_text(json.dumps({"release": 7}))
    shutil.copytree(baseline, folder / "baseline" / FOLDERS[JOINT])
    outputs = {
        "evaluation": [artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")],
        "blessing": [artifact(standard_artifacts.ModelBlessing, folder / "blessing")],
    }
    inputs = {
        "examples": run.outputs["ImageTextExampleGen"]["examples"],
        "schema": run.outputs["ImportSchema"]["schema"],
        "statistics": run.outputs["StatisticsGen"]["statistics"],
        "model": [candidate],
        "baseline": [serving],
    }
    config = EvaluationConfig(
        slices=("category", "caption_length"),
        resamples=200,
        zero_shot=ZeroShotConfig(attribute="category", templates=TEMPLATES),
        gates=GATES,
    )
    context = Executor.Context(
        beam_pipeline_args=beam_arguments(LocalBeam()), tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    parameters = {"config": canonical_json(config), "plugins": "{}", "retained": "[]"}
    Executor(context).Do(inputs, outputs, parameters)
    uri = outputs["evaluation"][0].uri
    return Evaluated(
        report.read(Path(uri)), results.read(uri)[0], verdict.read(uri), outputs["blessing"][0]
    )


@pytest.fixture(scope="module")
def model(small_run) -> Path:
    [trained] = small_run.outputs["Trainer"]["model"]
    return Path(trained.uri, FOLDERS[JOINT])


@pytest.fixture(scope="module")
def crippled(model, tmp_path_factory) -> Path:
    """The same model with noise on its weights; its statistics of batches stay as they are."""
    folder = tmp_path_factory.mktemp("crippled") / "model"
    loaded = tf.saved_model.load(str(model))
    rng = np.random.default_rng(0)
    for variable in loaded.signatures["serving_default"].variables:
        if variable.dtype.is_floating and len(variable.shape) > 1:
            value = variable.numpy()
            variable.assign(value + rng.normal(size=value.shape) * value.std())
    tf.saved_model.save(loaded, str(folder), signatures=dict(loaded.signatures))
    return folder


@pytest.fixture(scope="module")
def worse(small_run, model, crippled, tmp_path_factory) -> Evaluated:
    """A crippled candidate against the model itself."""
    return evaluate(small_run, tmp_path_factory.mktemp("worse"), crippled, model)


@pytest.fixture(scope="module")
def records(small_run) -> list[tf.train.Example]:
    [given] = small_run.outputs["ImageTextExampleGen"]["examples"]
    files = sorted(glob.glob(f"{given.uri}/Split-eval/*"))
    found = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return [tf.train.Example.FromString(record.numpy()) for record in found]


def texts_of(record: tf.train.Example, feature: str) -> list[str]:
    return [value.decode() for value in record.features.feature[feature].bytes_list.value]


def embed(path: Path, records: list[tf.train.Example]) -> Embedded:
    """A split embedded outside of Beam and TFMA."""
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    out = signature(examples=tf.constant([record.SerializeToString() for record in records]))
    captions = [texts_of(record, features.CAPTIONS) for record in records]
    owner = [n for n, each in enumerate(captions) for _ in each]
    column = [c for each in captions for c in range(len(each))]
    return embedded_records(
        [texts_of(record, features.IMAGE_KEY)[0] for record in records],
        [caption for each in captions for caption in each],
        out[features.IMAGE_EMBEDDING].numpy(),
        out[features.TEXT_EMBEDDINGS].numpy()[owner, column],
        owner,
    )


def test_both_models_rank_the_same_queries_among_the_same_candidates(
    worse, model, crippled, records
):
    images, texts = zip(*(rank(embed(path, records)) for path in (crippled, model)), strict=True)
    for direction, found in (("image_to_text", images), ("text_to_image", texts)):
        mine, serving = (1 / each.best for each in found)
        measured = worse.results[()][f"{direction}_mrr"]
        assert measured.count == len(mine)
        # Two runs of a product may round differently and swap two that score nearly the same.
        assert measured.candidate.value == pytest.approx(mine.mean(), abs=2e-3)
        assert measured.baseline.value == pytest.approx(serving.mean(), abs=2e-3)
        assert measured.difference.value == pytest.approx((mine - serving).mean(), abs=4e-3)
        # The difference of the same queries: 2 x 1.96 standard errors of the per-query change.
        width = 3.92 * (mine - serving).std() / len(mine) ** 0.5
        assert measured.difference.high - measured.difference.low == pytest.approx(width, rel=0.3)


def test_every_slice_holds_both_models_and_slices_add_up(worse, records):
    categories = {name for key in worse.results if key for name in key[:1]}
    assert categories == {"category", "caption_length"}
    for name in categories:
        counts = [
            m["image_to_text_mrr"].count for key, m in worse.results.items() if key[:1] == (name,)
        ]
        assert sum(counts) == len(records)
    for measured in worse.results.values():
        assert set(measured) >= {*RANK_METRICS, *ZERO_SHOT_METRICS}
        compared = [each for name, each in measured.items() if name not in TOKEN_METRICS]
        assert all(each.baseline and each.difference for each in compared)
    assert set(worse.results[()]) >= set(EMBEDDING_METRICS)


def test_images_are_classified_by_the_served_text_tower(worse, model, records):
    signature = tf.saved_model.load(str(model)).signatures["embed_text"]
    truth = [texts_of(record, features.attribute("category"))[0] for record in records]
    classes = embed_classes(
        sorted(set(truth)),
        TEMPLATES,
        lambda texts: signature(text=tf.constant(list(texts)))[features.EMBEDDING].numpy(),
    )
    ranks = class_ranks(embed(model, records).images, truth, classes)
    for k in (1, 5):
        measured = worse.results[()][f"zero_shot_top_{k}"]
        assert measured.count == len(records)
        assert measured.baseline.value == pytest.approx((ranks <= k).mean(), abs=0.012)


def test_a_crippled_model_is_refused_in_words_and_not_blessed(worse):
    compared, held = worse.verdict.gates
    assert not worse.verdict.passed
    assert worse.verdict.baseline == 7
    assert not compared.passed
    assert " - release 7 = " in compared.sentence
    assert held.passed
    blessing = worse.blessing
    assert Path(blessing.uri, constants.NOT_BLESSED_FILE_NAME).is_file()
    assert not Path(blessing.uri, constants.BLESSED_FILE_NAME).exists()
    assert blessing.get_int_custom_property("baseline_model_id") == 12
    assert not pushes(blessing)


def pushes(blessing: Artifact) -> bool:
    return TfxPusher(TfxPusher.Context()).CheckBlessing({"model_blessing": [blessing]})


def test_a_model_is_no_worse_than_itself(small_run, model, tmp_path):
    same = evaluate(small_run, tmp_path, model, model)
    for measured in same.results[()].values():
        assert measured.candidate == measured.baseline
        difference = measured.difference
        assert difference is not None
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert same.verdict.passed
    assert " = 0.000, lower end >= 0.000" in same.verdict.gates[0].sentence
    assert Path(same.blessing.uri, constants.BLESSED_FILE_NAME).is_file()
    assert same.blessing.get_int_custom_property("current_model_id") == 11
    assert pushes(same.blessing)
