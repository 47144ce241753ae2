"""The Tuner and the Trainer after it: as nodes of the graph, and their pods' own commands."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import yaml

from components.pusher.executor import as_trained
from pipeline.console.progress_text import describe
from pipeline.local.display import Listener
from schema.serving_names import FOLDERS, JOINT, TRAINED_WITH
from tests.integration.pipeline.test_pipeline import NODES
from tests.support.kubeflow_config import cluster_config
from tests.support.small_run import TRAIN_RECORDS
from trainer.training.data import input_pipeline
from trainer.training.data.input_pipeline import training_keys

DIM, RATE = "model.embedding_dim", "training.learning_rate"
TUNE = {
    "trials": 2,
    "held_out": 0.2,
    "space": {DIM: {"values": [8, 16, 24]}, RATE: {"min": 1e-3, "max": 2e-2, "log": True}},
}


def test_the_graph_has_a_tuner_only_where_the_config_asks_for_one(small_run, tmp_path):
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.create_pipeline import create_pipeline

    def ids(made: Pipeline) -> list[str]:
        return [node.id for node in made.components]

    assert sorted(ids(create_pipeline(small_run.config, str(tmp_path)))) == sorted(NODES)
    tuned = create_pipeline(cluster_config(tmp_path, tune=TUNE), str(tmp_path), checkpoints="c/")
    assert set(ids(tuned)) - set(NODES) == {"Tuner"}
    [tuner, trainer] = [node for node in tuned.components if node.id in ("Tuner", "Trainer")]
    assert trainer.inputs["hyperparameters"] is tuner.outputs["best_hyperparameters"]
    content = json.loads(tuner.exec_properties["custom_config"])
    assert content["trials"] == "c/tuner"
    assert "evaluat" not in json.dumps(tuner.exec_properties)
    assert not any("eval" in split for split in splits(tuner))


def splits(tuner: Any) -> list[str]:
    listed = [tuner.exec_properties[key] for key in ("train_args", "eval_args")]
    return [split for each in listed for split in json.loads(each)["splits"]]


@pytest.fixture(scope="module")
def pods(small_run, tmp_path_factory) -> dict[str, Any]:
    """What both pods left, run with the commands of the compiled package for two epochs."""
    from kubeflow.compiler.package_writer import compile_package
    from kubeflow.dry_run.driver import inputs_of, outputs_of
    from kubeflow.dry_run.tasks import run_parameters
    from kubeflow.entrypoint.__main__ import main

    folder = tmp_path_factory.mktemp("tuned")
    config = cluster_config(folder, tune=TUNE)
    spec = next(iter(yaml.safe_load_all(compile_package(config, "kubeflow").text)))
    parameters = run_parameters(spec, {"epochs": 2})

    def known(artifact: Any) -> dict[str, Any]:
        names = artifact.split_names if artifact.type_name == "Examples" else None
        metadata = {"split_names": names} if names else {}
        return {"name": "1", "uri": artifact.uri, "metadata": metadata}

    outputs = {
        node: {key: known(found[0]) for key, found in of_node.items()}
        for node, of_node in small_run.outputs.items()
    }
    heard: list[dict[str, Any]] = []
    with Listener(heard.append):
        for node in ("Tuner", "Trainer"):
            task, component = spec["root"]["dag"]["tasks"][node], spec["components"][node]
            output = folder / f"{node}.json"
            payload = {
                "inputs": inputs_of(task, parameters, outputs, component),
                "outputs": outputs_of(component, node, str(folder), str(output)),
            }
            container = spec["deploymentSpec"]["executors"][f"{node}_executor"]["container"]
            code = main([each.replace("{{$}}", json.dumps(payload)) for each in container["args"]])
            assert code == 0
            written = json.loads(output.read_text())["artifacts"]
            outputs[node] = {k: {"name": "2", **v["artifacts"][0]} for k, v in written.items()}
    return {"outputs": outputs, "heard": heard, "config": config}


def test_the_tuner_writes_the_best_of_its_trials(pods):
    [file] = Path(pods["outputs"]["Tuner"]["best_hyperparameters"]["uri"]).iterdir()
    best = json.loads(file.read_text())["values"]
    [file] = Path(pods["outputs"]["Tuner"]["tuner_results"]["uri"]).iterdir()
    rows = json.loads(file.read_text())
    assert len(rows) == 2
    assert max(rows, key=lambda row: row["score"]).items() > best.items()
    assert set(best) == {DIM, RATE}
    assert best[DIM] in (8, 16, 24)
    assert 1e-3 <= best[RATE] <= 2e-2


def test_progress_tells_the_trial_and_its_steps(pods, small_run):
    of_tuner = [event for event in pods["heard"] if event["node"] == "Tuner"]
    assert {event["trial"] for event in of_tuner} == {1, 2}
    [artifact] = small_run.outputs["Transform"]["transformed_examples"]
    files = tf.io.gfile.glob(f"{artifact.uri}/Split-train/*")
    left = input_pipeline.count_records(files, training_keys(0.2))
    assert left < TRAIN_RECORDS
    # Two epochs, as the run's parameter says, of what is not held out.
    assert max(event["steps"] for event in of_tuner if "steps" in event) == 2 * (left // 40)
    assert describe(of_tuner[-1]).startswith("trial 2 of 2, best 0.")
    trained = [event for event in pods["heard"] if event["node"] == "Trainer"]
    assert trained[-1]["steps"] == 2 * (TRAIN_RECORDS // 40)
    assert "trial" not in trained[-1]


def test_the_trainer_trains_with_the_best_values_and_the_release_says_so(pods):
    [file] = Path(pods["outputs"]["Tuner"]["best_hyperparameters"]["uri"]).iterdir()
    best = json.loads(file.read_text())["values"]
    model = Path(pods["outputs"]["Trainer"]["model"]["uri"])
    assert json.loads((model / TRAINED_WITH).read_text()) == best
    served = tf.saved_model.load(str(model / FOLDERS[JOINT])).signatures
    text = served["embed_text"](text=tf.constant(["cat"]))["embedding"]
    assert text.shape[-1] == best[DIM]
    config = json.loads(pods["config"].model_dump_json())
    found = as_trained(config, model)
    assert (found["model"]["embedding_dim"], found["training"]["learning_rate"]) == (
        best[DIM],
        best[RATE],
    )
    assert found["tune"] == config["tune"]
    found["model"]["embedding_dim"] = config["model"]["embedding_dim"]
    found["training"]["learning_rate"] = config["training"]["learning_rate"]
    assert found == config


def test_without_a_tuner_the_release_has_the_config(small_run):
    model = Path(small_run.outputs["Trainer"]["model"][0].uri)
    config = {"training": {"epochs": 3}}
    assert as_trained(config, model) is config


def test_values_that_the_config_refuses_end_the_trainer_with_a_sentence(small_run):
    from types import SimpleNamespace

    from schema.config.section import canonical_json
    from schema.errors import InputError
    from trainer.run import run_fn

    fn_args = SimpleNamespace(
        custom_config={"config": canonical_json(small_run.config.for_trainer())},
        hyperparameters={"values": {"training.rate": 1}},
    )
    with pytest.raises(InputError, match=r"^training\.rate is not a key of the config$"):
        run_fn(fn_args)


def test_several_workers_are_refused(monkeypatch, small_run):
    from schema.errors import InputError
    from trainer.tuning.run import tuner_fn

    cluster = {"chief": ["a:1"], "worker": ["b:1"]}
    task = {"type": "chief", "index": 0}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    with pytest.raises(InputError, match=r"^the Tuner trains on one machine, but TF_CONFIG names"):
        tuner_fn(None)


def test_a_text_tower_of_other_word_pieces_is_refused_before_the_first_trial(small_run, tmp_path):
    from types import SimpleNamespace

    from schema.errors import InputError
    from trainer.tuning.run import tuner_fn

    release = tmp_path / "release"
    shutil.copytree(small_run.release.parents[1], release)
    [vocabulary] = release.glob("text_tower/*/assets/vocabulary*")
    vocabulary.write_text(vocabulary.read_text() + "one-more\n")
    values = small_run.config.for_trainer().model_dump(mode="json")
    values["model"]["text_tower"]["weights"] = f"release:{release}"
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    fn_args = SimpleNamespace(
        custom_config={"config": json.dumps(values), "tune": json.dumps(TUNE), "trials": None},
        transform_graph_path=graph.uri,
        working_dir=str(tmp_path),
    )
    with pytest.raises(InputError, match=r"^model\.text_tower\.weights = .* another vocabulary"):
        tuner_fn(fn_args)
