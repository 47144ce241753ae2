"""What TensorBoard shows of a run, and what stops one."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util

from pipeline.local.display import Listener
from schema.errors import InputError
from tests.support.training import config, trained, write_records
from trainer.training.monitoring import health, monitor
from trainer.training.monitoring.monitor import Monitor


def curves(folder: Path) -> dict[str, dict[int, float]]:
    """Values by name and step of the one file of events."""
    [file] = (folder / "run" / "train").glob("*tfevents*")
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            found[value.tag][event.step] = float(tensor_util.make_ndarray(value.tensor))
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 60)


def test_the_curves_of_a_run(files, tmp_path):
    model = trained(config(training={"learning_rate": 0.01}), files, tmp_path)
    found = curves(tmp_path)
    assert set(found) == {
        "loss", "learning_rate", "logit_scale", "pairs_per_second", "waiting_for_input",
        "text_to_image_recall_at_1", "image_to_text_recall_at_1", "text_to_image_recall_at_10",
        "image_to_text_recall_at_10", "image_spread", "text_spread",
    }  # fmt: skip
    # 60 records in batches of 12, three times: a look after each epoch.
    assert {tuple(values) for values in found.values()} == {(5, 10, 15)}
    # Warm-up 2 of 15 steps: in step 5 the cosine is 2/13 done, in step 10 it is 7/13, and in the
    # last one 12/13: after it nothing is learned any more.
    expected = [0.005 * (1 + np.cos(np.pi * share)) for share in (2 / 13, 7 / 13, 12 / 13)]
    assert list(found["learning_rate"].values()) == pytest.approx(expected, abs=1e-6)
    [scale] = [np.exp(w.numpy()) for w in model.joint_loss.trainable_variables]
    assert found["logit_scale"][15] == pytest.approx(scale, rel=1e-5)
    assert found["loss"][15] < found["loss"][5]
    for step in (5, 10, 15):
        assert 0 <= found["waiting_for_input"][step] <= 1
        assert found["pairs_per_second"][step] > 0
        for way in ("text_to_image", "image_to_text"):
            assert found[f"{way}_recall_at_1"][step] <= found[f"{way}_recall_at_10"][step] <= 1
    assert found["text_to_image_recall_at_1"] != found["image_to_text_recall_at_1"]


def test_the_progress_of_a_run_has_its_last_held_out_recall(files, tmp_path):
    heard: list[dict[str, Any]] = []
    with Listener(heard.append):
        trained(config(), files, tmp_path)
    measured = curves(tmp_path)["text_to_image_recall_at_10"]
    reported = {
        e["step"]: e["held_out_recall_at_10"] for e in heard if "held_out_recall_at_10" in e
    }
    assert {step: reported[step] for step in measured} == pytest.approx(measured, abs=1e-4)


def test_trouble_stops_a_run_and_is_in_the_curves(files, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "COLLAPSED", 1.1)  # all is collapse
    message = (
        r"^training stopped at step 5 of 15: the image tower gives all records nearly the same"
    )
    with pytest.raises(InputError, match=message):
        trained(config(), files, tmp_path)
    assert list(curves(tmp_path)["image_spread"]) == [5]


def test_a_scale_is_judged_by_its_share_of_the_largest(files, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(monitor.HealthChecks, "check", lambda self, value: seen.append(value))
    trained(config(training={"epochs": 2}), files, tmp_path)
    assert [measurement.done for measurement in seen] == [0.5, 1.0]
    assert [measurement.candidates for measurement in seen] == [60, 60]
    found = curves(tmp_path)
    for measurement, step in zip(seen, (5, 10), strict=True):
        assert measurement.scale == pytest.approx(found["logit_scale"][step] / 100, rel=1e-5)
        assert measurement.recall_at_10 == pytest.approx(found["text_to_image_recall_at_10"][step])
        assert measurement.text_spread == pytest.approx(found["text_spread"][step], rel=1e-5)


@pytest.mark.parametrize(
    ("steps", "an_epoch", "every"),
    [
        (15, 5, 5),  # each epoch
        (672, 21, 42),  # 32 epochs: every second one
        (2000, 2000, 100),  # one long epoch: within it
        (10_000, 5_000, 400),  # 25 times
    ],
)
def test_how_often_is_looked(steps, an_epoch, every, monkeypatch):
    looked = []
    monkeypatch.setattr(Monitor, "_measure", lambda self, done, share: looked.append((done, share)))

    class Reporter:
        def step(self, done, loss):
            pass

    stubs: tuple[Any, Any] = None, Reporter()
    told = Monitor(*stubs, steps, an_epoch, None, None)
    for done in range(1, steps + 1):
        told.step(done, tf.zeros([]), 0.0)
    assert [done for done, _ in looked] == [*range(every, steps, every), steps]
