"""Patches that a step leaves out: which, when, and that nothing else changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema import features
from tests.support.training import SPEC, config, write_records
from trainer.towers.assembly import build_image_tower
from trainer.towers.image.vit import ViTConfig
from trainer.towers.patch_dropout import PatchDropout
from trainer.training.data import input_pipeline
from trainer.training.step import TrainableDualEncoder

VIT = {"kind": "vit", "patch": 2, "width": 12, "depth": 1, "heads": 3}
PATCHES = tf.reshape(tf.range(5 * 16 * 3, dtype=tf.float32), (5, 16, 3))


def test_an_image_keeps_patches_of_its_own():
    kept, places = PatchDropout(6)(PATCHES, training=True)
    assert kept.shape == (5, 6, 3)
    for number, chosen in enumerate(places.numpy()):
        assert len(set(chosen)) == 6
        np.testing.assert_array_equal(kept[number], PATCHES.numpy()[number, chosen])
    assert len({tuple(sorted(chosen)) for chosen in places.numpy()}) > 1
    again, _ = PatchDropout(6)(PATCHES)
    np.testing.assert_array_equal(again, PATCHES)


def test_a_tower_that_serves_computes_with_all_patches():
    pixels = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype(np.float32)
    towers = []
    for share in (0.0, 0.75):
        keras.utils.set_random_seed(1)
        tower = build_image_tower(ViTConfig.model_validate({**VIT, "patch_dropout": share}), 8, 5)
        towers.append(tower)
    whole, dropped = towers
    for mine, other in zip(dropped.trainable_weights, whole.trainable_weights, strict=True):
        mine.assign(other)
    np.testing.assert_allclose(dropped(pixels), whole(pixels), atol=1e-6)
    assert np.abs(dropped(pixels, training=True) - whole(pixels, training=True)).max() > 1e-3


def test_the_mean_of_what_is_kept_is_right_in_the_mean():
    # Without blocks an embedding is a mean over patches, so its expectation is that of all patches.
    keras.utils.set_random_seed(1)
    inputs = keras.Input((16, 3))
    x, _ = PatchDropout(4)(inputs)
    mean = keras.Model(inputs, keras.ops.mean(x, axis=1))
    draws = np.stack([mean(PATCHES / 240, training=True) for _ in range(600)])
    # A draw of 4 of 16 deviates by 0.05 at most, the mean of 600 by 0.002.
    np.testing.assert_allclose(draws.mean(0), mean(PATCHES / 240), atol=0.009)


def test_a_step_draws_by_the_seed_the_step_and_the_part_of_the_batch(tmp_path):
    files = write_records(tmp_path, 24)
    settings = config(model={"image_tower": {**VIT, "patch_dropout": 0.5}})
    model = TrainableDualEncoder(settings)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    [batch] = input_pipeline.training_batches(files, SPEC, settings, 24, 12).take(1)

    def embedded(part: int) -> np.ndarray:
        model.reseed(part)
        return model.embed_images(batch[features.PIXELS], training=True).numpy()

    first = embedded(0)
    np.testing.assert_array_equal(embedded(0), first)
    assert np.abs(embedded(1) - first).max() > 1e-3
    # XLA compiles it, as shapes are static, though it draws by another algorithm.
    compiled = tf.function(model.train_step, jit_compile=True)
    assert float(compiled(batch)["loss"]) == pytest.approx(float(model.loss_of(batch)), rel=0.5)
    assert np.abs(embedded(0) - first).max() > 1e-3  # the next step draws anew


def test_one_patch_must_be_left():
    with pytest.raises(ValueError, match=r"patch_dropout = 0.98 leaves none of the 16 patches"):
        config(model={"image_tower": {**VIT, "patch_dropout": 0.98}})
