"""The copy that is judged and served: averaged weights, statistics of batch normalisation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.training import SIZE, SPEC, TOKENS, config, trained, weights, write_records
from tests.unit.trainer.training.monitoring.test_monitor import curves
from trainer.config.trainer import TrainerConfig
from trainer.towers.image.keras_application import KerasApplicationConfig
from trainer.towers.layers import batch_norms
from trainer.training import serving_weights
from trainer.training.data import retrieval_sample
from trainer.training.data.retrieval_sample import recall
from trainer.training.monitoring import monitor
from trainer.training.monitoring.health import COLLAPSED, spread
from trainer.training.optimization import optimizer
from trainer.training.serving_weights import ServingCopy
from trainer.training.step import TrainableDualEncoder

RANDOM = np.random.default_rng(7)
EPOCHS = 30  # 5 batches of 12 records each: 150 steps


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 60, 0, TOKENS)


def compiled(settings: TrainerConfig) -> TrainableDualEncoder:
    keras.utils.set_random_seed(1)
    model = TrainableDualEncoder(settings)
    model.compile(optimizer=optimizer.build(settings.training, 100))
    model.optimizer.build(model.trainable_variables)
    return model


def images(count: int, size: int = SIZE) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_statistics_are_those_of_all_images_in_uneven_batches(monkeypatch):
    monkeypatch.setattr(serving_weights, "IMAGES_PER_BATCH", 6)
    given = images(11)  # in batches of 6 and 5
    copy = ServingCopy(compiled(config()), given)
    first, second = batch_norms(copy.model.image_tower)
    tower = copy.update().image_tower
    before = keras.Model(tower.input, first.input)
    seen = before(tf.cast(given, tf.float32) / 127.5 - 1).numpy().astype(np.float64)
    np.testing.assert_allclose(first.moving_mean, seen.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(first.moving_variance, seen.var((0, 1, 2)), rtol=1e-4)
    assert (second.moving_variance.numpy() != 1).all()
    once = weights(copy.model)
    for mine, theirs in zip(weights(copy.update()), once, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_frozen_tower_keeps_its_statistics(tmp_path):
    frozen = {"kind": "convnet", "widths": [4, 8], "train": "frozen", "weights": "release:x"}
    model = compiled(config(model={"image_tower": frozen}))
    for mine, theirs in zip(
        ServingCopy(model, images(8)).update().get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_a_library_s_tower_with_new_weights_is_not_taken_for_collapsed():
    tower = KerasApplicationConfig(kind="keras_application", name="MobileNetV3Small")
    settings = config(image={"size": 32}, model={"image_tower": tower.model_dump()})
    model, given = compiled(settings), images(40, 32)
    assert len(batch_norms(model.image_tower)) == len(
        [each for each in model.variables if each.name == "moving_mean"]
    )
    learning = spread(model.embed_images(given, training=True).numpy())
    # Its statistics are still the initial ones, and move by a thousandth a step.
    assert spread(model.embed_images(given).numpy()) < COLLAPSED
    served = ServingCopy(model, given).update()
    assert spread(served.embed_images(given).numpy()) == pytest.approx(learning, rel=0.05)
    assert learning > 10 * COLLAPSED


def test_curves_and_what_is_returned_are_of_the_averaged_weights(files, tmp_path):
    settings = config(training={"epochs": EPOCHS, "average": 0.999, "learning_rate": 0.01})
    model = trained(settings, files, tmp_path / "averaged")
    held_out = retrieval_sample.read_sample(files, SPEC, settings)
    assert held_out is not None
    embedded = held_out.embed(model.embed_images, model.embed_texts)
    to_image, to_text = held_out.ranks(*embedded)
    drawn = curves(tmp_path / "averaged")
    last = 5 * EPOCHS
    assert drawn["text_to_image_recall_at_10"][last] == pytest.approx(recall(to_image, 10))
    assert drawn["image_to_text_recall_at_10"][last] == pytest.approx(recall(to_text, 10))
    assert drawn["image_spread"][last] == pytest.approx(spread(embedded[0]), rel=1e-4)
    # A long average does a short run no harm: without one it is as good.
    plain = config(training={"epochs": EPOCHS, "learning_rate": 0.01})
    trained(plain, files, tmp_path / "plain")
    without = curves(tmp_path / "plain")["text_to_image_recall_at_10"][last]
    assert recall(to_image, 10) > 0.9 * without
    assert without > 0.35  # of 60 images guessing finds 0.167


def test_looking_changes_nothing_that_is_learned(files, tmp_path, monkeypatch):
    settings = config(training={"epochs": 2, "average": 0.9})
    looked = weights(trained(settings, files, tmp_path / "looked"))
    monkeypatch.setattr(monitor.Monitor, "step", lambda *_: None)
    for mine, theirs in zip(
        weights(trained(settings, files, tmp_path / "not")), looked, strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
