"""A whole run with another library's new networks in both towers, in half precision, ships."""

import pytest

from components.serving_check import report
from pipeline.console.summary import of_local_run
from tests.support.small_run import SmallRun, run_beside, small_values

BERT = {"num_layers": 1, "num_heads": 2, "hidden_dim": 32, "intermediate_dim": 64}


@pytest.fixture(scope="module")
def outputs(small_run: SmallRun) -> dict:
    """Of a run on the small run's data, which are not ingested again, into releases of its own."""
    values = small_values()
    values["model"] = {
        "image_tower": {"kind": "keras_application", "name": "MobileNetV3Small"},
        "text_tower": {"kind": "keras_hub", "name": "BertBackbone", "arguments": BERT},
        "embedding_dim": 32,
    }
    values["training"] |= {"epochs": 12, "precision": "bfloat16", "average": 0.999, "xla": False}
    values["evaluation"] = {"gates": [{"metric": "text_to_image_recall_at_10", "at_least": 0.18}]}
    values["push"] = {"path": "serving-library"}
    values["serving_check"] = {"latency_calls": 1}
    del values["index"]
    values["report"] = None
    return run_beside(small_run, "library", values)


def test_it_ships(outputs):
    # Of 90 images a guess finds the right one among ten in 0.11, and 0.18 is three standard
    # deviations of 0.023 above. With its own statistics of batch normalisation, which move by a
    # thousandth a step, the image tower gives all images one embedding; with 0.999 kept of each
    # step's average, the weights would be those of the first steps.
    summary = of_local_run(outputs)
    assert summary.shipped, summary.verdict


def test_the_export_in_half_precision_agrees_with_the_trainer(outputs):
    [blessing] = outputs["ServingCheck"]["blessing"]
    assert report.read(blessing.uri).passed
