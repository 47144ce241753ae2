"""A run starts from a release, mixes its weights, and is held to the release's evaluation data."""

import json
from pathlib import Path

import pytest

from components.evaluator import report
from components.example_gen.records import quarantine
from pipeline.console.summary import of_local_run
from tests.support.small_run import EVAL_RECORDS, SmallRun, run_beside, small_values
from trainer.training.fine_tuning import mixing_curve

RECALL = "text_to_image_recall_at_10"


@pytest.fixture(scope="module")
def outputs(small_run: SmallRun) -> dict:
    """Of a run on the small run's data, into releases of its own: nothing serves there yet."""
    values = small_values()
    values["data"]["retain"] = {"old": {"release": "serving/releases/1"}}
    for tower in ("image_tower", "text_tower"):
        values["model"].setdefault(tower, {"kind": "bag"})["weights"] = "release:serving/releases/1"
    values["training"] |= {"epochs": 2, "xla": False, "checkpoint_steps": 0}
    values["fine_tune"] = {"ratios": 3, "holdout": 0.2}
    values["evaluation"] = {
        "gates": [
            {"metric": RECALL, "data": "old", "not_worse_than_baseline_by": 0.4},
            {"metric": RECALL, "data": "old", "at_least": 0.999},
        ]
    }
    values["push"] = {"path": "serving-fine-tuned"}
    values["serving_check"] = {"latency_calls": 1}
    del values["index"]
    values["report"] = None
    return run_beside(small_run, "fine-tuned", values)


def folder(outputs: dict, node: str, key: str) -> Path:
    return Path(outputs[node][key][0].uri)


def test_the_evaluated_images_of_the_release_are_retained_beside_the_same_ones(outputs):
    summary = quarantine.read_summary(str(folder(outputs, "ImageTextExampleGen", "quarantine")))
    assert summary.examples["old"] == summary.examples["eval"] == EVAL_RECORDS
    assert summary.unusable == 0


def test_retained_data_are_compared_with_the_release_that_the_run_starts_from(outputs):
    evaluated = report.read(folder(outputs, "Evaluator", "evaluation"))
    measured = evaluated.retained["old"][()][RECALL]
    assert measured.candidate.value == evaluated.results[()][RECALL].candidate.value
    assert measured.baseline is not None
    assert evaluated.results[()][RECALL].baseline is None  # nothing serves
    summary = of_local_run(outputs)
    kept, refused = summary.gates[0], summary.gates[1]
    assert kept.passed
    assert kept.sentence.startswith(
        f"{RECALL} on old - the release that it starts from = {measured.candidate.value:.3f} - "
    )
    assert not refused.passed
    assert refused.sentence.startswith(f"{RECALL} on old = ")


def test_the_curve_is_in_the_artifact_the_summary_and_the_release(outputs):
    curve = mixing_curve.read(folder(outputs, "Trainer", "model"))
    assert curve is not None
    assert [point.ratio for point in curve.points] == [0.0, 0.5, 1.0]
    assert set(curve.points[0].retained) == {"old"}
    summary = of_local_run(outputs)
    assert summary.mixing == curve
    pushed = folder(outputs, "Pusher", "pushed_model")
    release = json.loads((pushed / "pushed.json").read_text())["release"]
    [model] = outputs["Pusher"]["pushed_model"]
    there = Path(model.get_string_custom_property("pushed_destination"))
    assert there.name == str(release)
    assert mixing_curve.read(there) == curve
    metrics = json.loads((there / "release.json").read_text())["metrics"]
    assert metrics[f"old/{RECALL}"] == metrics[RECALL]
