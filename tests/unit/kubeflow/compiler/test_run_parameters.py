"""A run parameter replaces one value in every node that was told it."""

import json
from typing import Any

import pytest

from components.nodes import NODES
from kubeflow.compiler.run_parameters import PARAMETERS, apply, default, taken_by
from schema.config.section import canonical_json
from schema.errors import InputError
from tests.support.kubeflow_config import TUNE, cluster_config


@pytest.fixture
def config(tmp_path):
    return cluster_config(tmp_path)


def trainer(config) -> dict:
    return {"custom_config": json.dumps({"config": canonical_json(config.for_trainer())})}


def test_defaults_come_from_the_config(config):
    assert {p.name: default(p, config) for p in PARAMETERS} == {
        "data_path": config.data.path,
        "span": -1,
        "epochs": 10,
        "push_path": config.push.path,
        "registry_uri": "",  # KFP has no null
    }


def test_a_node_takes_what_its_config_has(config):
    place = config.model_dump_json(include={"name", "push", "registry"})
    assert [p.name for p in taken_by("Baseline", {"config": place})] == [
        "push_path",
        "registry_uri",
    ]
    drift = json.dumps(json.loads(place) | {"data": {"drift": {}}})
    assert [p.name for p in taken_by("ServedStatistics", {"config": drift})] == [
        "push_path",
        "registry_uri",
    ]
    assert [p.name for p in taken_by("Trainer", trainer(config))] == ["epochs"]
    assert taken_by("Evaluator", {"config": canonical_json(config.evaluation)}) == []


def test_epochs_reach_the_config_inside_of_the_custom_config(config):
    properties = {**trainer(config), "run_fn": "f", "set_epochs": 3.0}  # KFP: numbers are floats
    apply("Trainer", properties)
    content = json.loads(json.loads(properties["custom_config"])["config"])
    assert content["training"]["epochs"] == 3
    assert content["training"] == {**config.training.model_dump(), "epochs": 3}
    assert set(properties) == {"custom_config", "run_fn"}


def test_a_registry_is_set_and_unset(config):
    for given, expected in (("http://mlflow:5000", "http://mlflow:5000"), ("", None)):
        properties = {
            "config": canonical_json(config),
            "set_registry_uri": given,
            "set_push_path": "/r",
        }
        apply("Pusher", properties)
        content = json.loads(properties["config"])
        assert content["registry"]["uri"] == expected
        assert content["push"]["path"] == "/r"
        assert content["data"] == json.loads(canonical_json(config))["data"]


def test_ingest_reads_another_folder_and_a_span():
    properties: dict[str, Any] = {
        "input_base": "/a",
        "input_config": '{"splits": [{"pattern": "span-{SPAN}/train-*"}]}',
        "set_data_path": "/b",
        "set_span": 7.0,
    }
    apply("ImageTextExampleGen", properties)
    assert properties["input_base"] == "/b"
    assert json.loads(properties["range_config"]) == {
        "static_range": {"start_span_number": 7, "end_span_number": 7}
    }
    assert not any(name.startswith("set_") for name in properties)


def test_the_newest_span_is_no_range():
    properties = {"input_base": "/a", "input_config": "{}", "set_span": -1.0}
    apply("ImageTextExampleGen", properties)
    assert properties == {"input_base": "/a", "input_config": "{}"}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0.0, "training.epochs = 0: input should be greater than 0"),
        (2.5, "epochs = 2.5 is not a whole number"),
    ],
)
def test_impossible_epochs(config, value, sentence):
    with pytest.raises(InputError) as error:
        apply("Trainer", {**trainer(config), "set_epochs": value})
    assert str(error.value) == sentence


def test_a_span_where_the_data_has_none():
    properties = {"input_base": "/a", "input_config": '{"splits": []}', "set_span": 7.0}
    with pytest.raises(InputError) as error:
        apply("ImageTextExampleGen", properties)
    assert str(error.value) == "span = 7: no pattern of data.splits has a {SPAN} in it"


def test_no_node_is_told_a_config_elsewhere(tmp_path):
    from pipeline.create_pipeline import create_pipeline

    tuned = cluster_config(tmp_path, tune=TUNE)
    for node in create_pipeline(tuned, "root").components:
        held = {k for k, v in node.exec_properties.items() if "learning_rate" in str(v)}
        trains = node.id in ("Tuner", "Trainer", "RunReport", "Pusher")
        assert held == ({NODES[node.id].config[0]} if trains else set())


def test_epochs_reach_the_tuner_and_leave_its_search_alone(tmp_path):
    from pipeline.create_pipeline import create_pipeline

    nodes = create_pipeline(cluster_config(tmp_path, tune=TUNE), "root").components
    [tuner] = [node for node in nodes if node.id == "Tuner"]
    before = json.loads(tuner.exec_properties["custom_config"])
    properties = {**tuner.exec_properties, "set_epochs": 3.0}
    assert [p.name for p in taken_by("Tuner", properties)] == ["epochs"]
    apply("Tuner", properties)
    after = json.loads(properties["custom_config"])
    assert json.loads(after.pop("config"))["training"]["epochs"] == 3
    del before["config"]
    assert after == before
