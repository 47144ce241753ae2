"""Two worker processes on this machine, against one that holds all the records of a step."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schema.config.section import canonical_json
from schema.errors import InputError
from schema.serving_names import FOLDERS, GOLDEN_OUTPUTS, JOINT
from tests.support.paths import ROOT
from tests.support.programs import mirrored_training, training_worker
from trainer.training.distribution.strategy import create_strategy, records_per_replica
from trainer.training.distribution.tf_config import VARIABLE, Cluster

WORKERS, SECONDS = 2, 400


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def tf_config(addresses: list[str], index: int) -> str:
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


@pytest.fixture(scope="module")
def trained(small_run, tmp_path_factory) -> Path:
    """The folder in which two workers have left their weights and the chief its model."""
    folder = tmp_path_factory.mktemp("workers")
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    [artifact] = small_run.outputs["Transform"]["transformed_examples"]
    values = small_run.config.for_trainer()
    training = values.training.model_copy(update={"epochs": 2})
    payload = {
        "custom_config": {
            "config": canonical_json(values.model_copy(update={"training": training}))
        },
        "hyperparameters": None,
        "transform_graph_path": graph.uri,
        "train_files": [f"{artifact.uri}/Split-train/*"],
        "eval_files": [f"{artifact.uri}/Split-eval/*"],
        "model_run_dir": str(folder / "run"),
        "serving_model_dir": str(folder / "model" / FOLDERS[JOINT]),
    }
    file = folder / "told.json"
    file.write_text(json.dumps(payload))
    addresses = [f"127.0.0.1:{port}" for port in free_ports(WORKERS)]
    running = []
    for index in range(WORKERS):
        with (folder / f"log-{index}").open("w") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.support.programs.training_worker", str(file)],
                    cwd=ROOT,
                    env={**os.environ, VARIABLE: tf_config(addresses, index)},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    try:
        codes = [each.wait(SECONDS) for each in running]
    finally:
        for each in running:
            each.kill()
    logs = [(folder / f"log-{index}").read_text() for index in range(WORKERS)]
    assert codes == [0] * WORKERS, "\n".join(log[-2000:] for log in logs)
    # TFX looks for the model on every worker, so none may leave before the chief has written it.
    assert all("the model is there: True" in log for log in logs)
    return folder


def weights(folder: Path, name: str) -> list[np.ndarray]:
    with np.load(folder / f"{name}.npz") as found:
        return [found[key] for key in found.files]


@pytest.mark.parametrize("name", training_worker.SETTINGS)
def test_two_workers_learn_what_one_learns_from_all_their_records(trained, name):
    start = training_worker.build(name).get_weights()
    alone = training_worker.trained(name, tf.distribute.get_strategy(), Cluster())
    expected = alone.get_weights()
    moved = [np.abs(a - b).max() for a, b in zip(expected, start, strict=True)]
    assert len([m for m in moved if m > 1e-3]) >= len(moved) - 3  # the comparison says something
    for index in range(WORKERS):
        found = weights(trained, f"{name}-{index}")
        assert [each.shape for each in found] == [each.shape for each in expected]
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory) -> Path:
    """The folder in which one device and two have left their weights."""
    folder = tmp_path_factory.mktemp("mirrored")
    command = [sys.executable, "-m", "tests.support.programs.mirrored_training", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", [*training_worker.SETTINGS, *mirrored_training.FROM_RECORDS])
def test_two_devices_learn_what_one_learns(mirrored, name):
    one, two = weights(mirrored, f"{name}-1"), weights(mirrored, f"{name}-2")
    for mine, theirs in zip(two, one, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_when_one_worker_is_stopped_all_are_and_the_same_run_goes_on(trained):
    message = "training was stopped at step 2 of 5; start the same run again to continue"
    different = (
        "InputError: the workers see different checkpoints: use a folder of checkpoints that all "
        "of them can read"
    )
    said = [json.loads((trained / f"said-{index}.json").read_text()) for index in range(WORKERS)]
    assert said == [
        [f"PreemptedError: {message}", "InputError: the loss is odd", different],
        [
            f"PreemptedError: {message}",
            "InputError: another worker has stopped; its log says why",
            different,
        ],
    ]
    for index in range(WORKERS):
        expected = weights(trained, f"cached-{index}")
        for mine, theirs in zip(weights(trained, f"again-{index}"), expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_run_fn_ends_with_the_same_weights_on_both_and_one_model(trained):
    chief, other = weights(trained, "run_fn-0"), weights(trained, "run_fn-1")
    for mine, theirs in zip(chief, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    served = tf.saved_model.load(str(trained / "model" / FOLDERS[JOINT])).signatures
    text = served["embed_text"](text=tf.constant(["red apple", "dog"]))["embedding"].numpy()
    np.testing.assert_allclose(np.linalg.norm(text, axis=1), 1, atol=1e-5)
    assert (trained / "model" / GOLDEN_OUTPUTS).is_file()
    assert len(list((trained / "run" / "train").glob("*tfevents*"))) == 1  # the chief's alone
    # 240 records in batches of 40, twice: the last report of 12 steps counts all workers' records
    for index in range(WORKERS):
        assert "step 12, steps 12, records 480" in (trained / f"log-{index}").read_text()


def test_a_batch_must_be_shared_out_evenly():
    assert records_per_replica(256, 4) == 64
    message = r"training.batch_size = 250 .* must be a multiple of their number, 4"
    with pytest.raises(InputError, match=message):
        records_per_replica(250, 4)


def test_more_devices_than_there_are():
    there = len(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))
    with pytest.raises(InputError, match=rf"training.devices = 99 is more than the {there} .PU"):
        create_strategy(Cluster(), 99)
