import numpy as np
import pytest
import tensorflow as tf

from trainer.config.training import AugmentConfig
from trainer.training.data import augmentation as module
from trainer.training.data.augmentation import augment, augment_in_pieces

STILL = {"shift": 0.0, "zoom": 0.0, "stretch": 0.0}
PLAIN = {"brightness": 0.0, "contrast": 0.0, "colour": 0.0}
SEED = tf.constant([0, 7])
IMAGES = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype(np.uint8)


def test_nothing_asked_nothing_changed():
    still = augment(tf.constant(IMAGES), AugmentConfig(**STILL, **PLAIN), SEED)
    np.testing.assert_array_equal(still.numpy(), IMAGES.astype(np.float32))


def test_moving_keeps_white_white_and_moves_each_image_its_own_way():
    config = AugmentConfig(shift=0.3, zoom=0.3, stretch=0.2, **PLAIN)
    white = augment(tf.fill([16, 8, 8, 3], tf.constant(255, tf.uint8)), config, SEED)
    np.testing.assert_allclose(white.numpy(), 255.0, atol=1e-3)
    same = np.repeat(IMAGES[:1], 16, 0)
    moved = augment(tf.constant(same), config, SEED).numpy()
    assert len({m.tobytes() for m in moved}) == 16


def test_zoom_and_stretch_are_about_the_centre():
    # An image whose value is its distance from the centre column stays symmetric.
    column = np.abs(np.arange(9) - 4) * 20
    image = np.broadcast_to(column[None, :, None], (9, 9, 3)).astype(np.uint8)
    config = AugmentConfig(shift=0.0, zoom=0.4, stretch=0.4, **PLAIN)
    for moved in augment(tf.constant(np.repeat(image[None], 8, 0)), config, SEED).numpy():
        middle = moved[3:6, 2:7]
        np.testing.assert_allclose(middle, middle[:, ::-1], atol=0.1)


def test_brightness_is_one_offset_per_image_and_colour_one_per_channel():
    config = AugmentConfig(**STILL, brightness=0.2, contrast=0.0)
    offset = augment(tf.constant(IMAGES), config, SEED).numpy() - IMAGES
    assert np.ptp(offset, axis=(1, 2, 3)).max() < 1e-3
    assert np.abs(offset).max() <= 0.2 * 255 + 1e-3
    assert np.ptp(offset[:, 0, 0, 0]) > 30  # of 102 possible, over 64 draws
    config = AugmentConfig(**STILL, brightness=0.0, contrast=0.0, colour=0.2)
    channels = augment(tf.constant(IMAGES), config, SEED).numpy().mean((1, 2)) - IMAGES.mean((1, 2))
    assert np.ptp(channels, axis=1).mean() > 10


def test_contrast_is_about_middle_grey():
    grey = np.full((32, 4, 4, 3), 128, np.uint8)
    changed = augment(tf.constant(grey), AugmentConfig(**STILL, brightness=0.0, contrast=0.5), SEED)
    np.testing.assert_allclose(changed.numpy(), 128.0, atol=0.3)


@pytest.mark.parametrize("size", [1, 3])
def test_in_a_dataset_with_any_batch_size(size):
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(size)
    out = dataset.map(lambda x: augment(x, AugmentConfig(colour=0.1), SEED)).take(2)
    assert [tuple(batch.shape) for batch in out] == [(size, 8, 8, 3)] * 2


def test_the_same_seed_draws_the_same_and_another_something_else():
    def drawn(*seed: int) -> np.ndarray:
        return augment(tf.constant(IMAGES), AugmentConfig(colour=0.1), tf.constant(seed)).numpy()

    np.testing.assert_array_equal(drawn(1, 2), drawn(1, 2))
    assert np.abs(drawn(1, 2) - drawn(1, 3)).max() > 10
    assert np.abs(drawn(1, 2) - drawn(2, 2)).max() > 10


def test_a_large_batch_is_changed_in_pieces_each_its_own_way(monkeypatch):
    monkeypatch.setattr(module, "PIECE", 16)
    config, same = AugmentConfig(), np.repeat(IMAGES[:1], 64, 0)
    found = tf.function(lambda x: augment_in_pieces(x, config, SEED))(tf.constant(same)).numpy()
    seeds = tf.random.split(SEED, 4)
    expected = [augment(tf.constant(same[:16]), config, seed).numpy() for seed in seeds]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-3)
    assert len({each.tobytes() for each in found}) == 64
    # 20 are no multiple of 16, and 16 are one piece.
    for count in (20, 16):
        whole = augment(tf.constant(IMAGES[:count]), config, SEED)
        found = augment_in_pieces(tf.constant(IMAGES[:count]), config, SEED)
        np.testing.assert_array_equal(found, whole)
