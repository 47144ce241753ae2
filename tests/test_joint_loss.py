import math

import numpy as np
import pytest
import tensorflow as tf

from trainer import losses
from trainer.config import CosineEmbeddingConfig, HingeConfig, InfoNceConfig
from trainer.joint_loss import JointLoss, given_pairs

U = tf.constant([[1.0, 0.0], [0.0, 1.0]])
V = tf.constant([[0.6, 0.8], [0.8, -0.6]])
MATCHES = tf.constant([[True, False], [False, False]])


def test_given_pairs_take_the_diagonal_and_its_labels():
    similarity, label = given_pairs(U, V, MATCHES, sampled_mismatches=0)
    np.testing.assert_allclose(similarity.numpy(), [[0.6], [-0.6]])
    assert label.numpy().tolist() == [[True], [False]]


def test_a_sampled_mismatch_is_another_records_text_with_label_0():
    similarity, label = given_pairs(U, V, tf.eye(2, dtype=tf.bool), sampled_mismatches=1)
    # image 0 with text 1: 0.8; image 1 with text 0: 0.8
    np.testing.assert_allclose(similarity.numpy(), [[0.6, 0.8], [-0.6, 0.8]])
    assert label.numpy().tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # given: match 1 - 0.6 = 0.4; mismatch -0.6 is below the margin; (0.4 + 0) / 2
        (CosineEmbeddingConfig(name="cosine_embedding"), 0.2),
        # all: the mismatches 0.8 and 0.8 cost 0.9 each: (0.4 + 0.9 + 0.9 + 0) / 4
        (CosineEmbeddingConfig(name="cosine_embedding", pairs="all"), 0.55),
        # given: match beyond the margin; mismatch max(0, -0.6 + 0.2) = 0
        (HingeConfig(name="hinge"), 0.0),
        # all: 1.0 + 1.0 over four pairs
        (HingeConfig(name="hinge", pairs="all"), 0.5),
    ],
)
def test_pairs_by_hand(config, expected):
    assert JointLoss(config)(U, V, MATCHES).numpy() == pytest.approx(expected, abs=1e-6)


def test_the_scale_starts_at_the_inverse_temperature_and_is_learned():
    layer = JointLoss(InfoNceConfig(name="info_nce", temperature=0.05))
    with tf.GradientTape() as tape:
        value = layer(U, V, tf.eye(2, dtype=tf.bool))
    assert value.numpy() == pytest.approx(losses.info_nce(U @ tf.transpose(V), tf.eye(2), 20.0))
    [gradient] = tape.gradient(value, layer.trainable_variables)
    assert abs(float(gradient)) > 0.1


def test_the_scale_is_clamped_after_a_step():
    import keras

    layer = JointLoss(InfoNceConfig(name="info_nce"))
    for direction, bound in ((-1e6, math.log(100)), (1e6, 0.0)):
        keras.optimizers.SGD(1.0).apply([tf.constant(direction)], [layer.log_scale])
        assert layer.log_scale is not None
        assert layer.log_scale.numpy() == pytest.approx(bound)
