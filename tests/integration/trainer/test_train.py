"""A whole training run in this process: what it repeats, what it refuses, what it keeps."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.errors import InputError, UnavailableError
from schema.system import disk
from schema.system.disk import Space
from tests.support.training import config, forget, trained, weights, write_records
from trainer.config.training import TrainingConfig
from trainer.training import loop
from trainer.training.checkpoints import Checkpoints
from trainer.training.optimization import optimizer
from trainer.training.optimization.schedule import steps_of, warmup_of
from trainer.training.serving_weights import ServingCopy
from trainer.training.step import TrainableDualEncoder
from trainer.training.train import checkpoint_folder


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 60)


def test_a_seed_decides_all_and_another_one_something_else(files, tmp_path):
    found = [
        weights(trained(config(training={"seed": seed, "epochs": 1}), files, tmp_path / str(n)))
        for n, seed in enumerate((1, 1, 2))
    ]
    for one, other in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(found[0], found[2], strict=True))


def test_training_asks_for_space_before_its_first_step(files, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "run_steps", lambda *_: pytest.fail("it has begun to train"))
    monkeypatch.setattr(disk, "space", lambda _: Space(Path("/small"), 20_000_000, 10**9, None))
    with (
        disk.written({disk.RELEASES: tmp_path / "serving"}),
        pytest.raises(UnavailableError) as caught,
    ):
        trained(config(), files, tmp_path, exports=str(tmp_path / "model"))
    said = str(caught.value)
    assert said.startswith("the disk /small is too full: 20 MB of 1.0 GB are free, and 40 MB are ")
    assert f"20 MB for the exported models in {tmp_path}/model" in said
    assert f"20 MB for the release in {tmp_path}/serving" in said
    assert f"MB for checkpoints in {tmp_path}/checkpoints/" in said


def test_averaged_weights_are_what_is_left(files, tmp_path, monkeypatch):
    last = trained(config(training={"epochs": 1}), files, tmp_path / "last")
    learning: list[Any] = []
    real = ServingCopy.__init__

    def keep(self: ServingCopy, model: TrainableDualEncoder, *others: Any) -> None:
        learning.append(model)
        real(self, model, *others)

    monkeypatch.setattr(ServingCopy, "__init__", keep)
    settings = config(training={"epochs": 1, "average": 0.5})
    averaged = trained(settings, files, tmp_path / "averaged")
    means = optimizer.averages(learning[0].optimizer)
    pairs = zip(learning[0].trainable_variables, averaged.trainable_variables, strict=True)
    for variable, served in pairs:
        np.testing.assert_array_equal(served.numpy(), means[id(variable)].numpy())
        assert (served.numpy() != variable.numpy()).any()
    pairs = zip(last.trainable_variables, averaged.trainable_variables, strict=True)
    assert all((one.numpy() != other.numpy()).any() for one, other in pairs)


def test_checkpoints_are_written_in_time_and_stay_until_the_model_is_written(
    files, tmp_path, monkeypatch
):
    saved, real = [], Checkpoints.save

    def save(self: Checkpoints, step: int, notes: dict) -> None:
        saved.append(step)
        real(self, step, notes)

    monkeypatch.setattr(Checkpoints, "save", save)
    settings = config()
    trained(settings, files, tmp_path)
    assert saved == [4, 8, 12, 15]
    place = Path(checkpoint_folder(settings, files, str(tmp_path / "checkpoints")))
    assert sorted(each.name for each in place.iterdir()) == ["step-000000012", "step-000000015"]
    forget(settings, files, tmp_path)
    assert not place.exists()


def test_what_xla_was_found_to_do_is_kept(files, tmp_path, monkeypatch):
    settings = config(training={"epochs": 1, "xla": "auto"})
    monkeypatch.setattr(loop.xla, "is_faster", lambda *_: False)
    trained(settings, files, tmp_path)
    monkeypatch.setattr(loop.xla, "is_faster", lambda *_: pytest.fail("measured again"))
    place = checkpoint_folder(settings, files, str(tmp_path / "checkpoints"))
    step = Path(place, "step-000000005")
    step.rename(tmp_path / "away")  # the one of step 4 is the newest now
    trained(settings, files, tmp_path)
    assert step.exists()


def test_other_configs_and_other_data_have_other_checkpoints(files):
    places = {
        checkpoint_folder(config(), files, "c"),
        checkpoint_folder(config(training={"learning_rate": 0.5}), files, "c"),
        checkpoint_folder(config(), files[:1], "c"),
    }
    assert len(places) == 3
    assert checkpoint_folder(config(), files, "c") in places


def test_a_bias_that_does_not_fit_is_warned_of(files, tmp_path, caplog):
    settings = config(loss={"name": "sigmoid", "bias": -10}, training={"epochs": 1})
    with caplog.at_level(logging.WARNING):
        trained(settings, files, tmp_path)
    # ln(1/11) = -2.398
    assert "loss.bias = -10 does not fit training.batch_size = 12: -2.40 does" in caplog.text


@pytest.mark.parametrize(
    ("warmup", "steps", "expected"),
    [(None, 672, 50), (None, 21, 2), (None, 5, 0), (0, 21, 0), (20, 21, 20)],
)
def test_steps_of_warm_up(warmup, steps, expected):
    settings = TrainingConfig(batch_size=10, epochs=1, warmup_steps=warmup)
    assert steps_of(settings, 10 * steps + 9) == steps
    assert warmup_of(settings, steps) == expected


def test_a_run_that_is_too_short_is_refused(files, tmp_path):
    with pytest.raises(InputError) as caught:
        trained(config(training={"warmup_steps": 15}), files, tmp_path)
    assert str(caught.value) == (
        "training.warmup_steps = 15 is too long: the run has 15 steps (3 x 5 batches); the "
        "default is 1"
    )
    with pytest.raises(InputError, match=r"batch_size = 61 is more than the 60 records of the"):
        trained(config(training={"batch_size": 61}), files, tmp_path)
