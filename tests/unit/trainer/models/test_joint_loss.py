import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.losses.batch import LossBatch
from trainer.losses.cosine_embedding import CosineEmbeddingConfig
from trainer.losses.custom import CustomConfig
from trainer.losses.hinge import HingeConfig
from trainer.losses.info_nce import InfoNceConfig, info_nce_loss
from trainer.losses.sigmoid import SigmoidConfig, sigmoid_loss
from trainer.losses.triplet import TripletConfig
from trainer.models.joint_loss import JointLoss

U = tf.constant([[1.0, 0.0], [0.0, 1.0]])
V = tf.constant([[0.6, 0.8], [0.8, -0.6]])
MATCHES = tf.constant([[True, False], [False, False]])
SEED = tf.constant([0, 1])


def rows(matches):
    return lambda start, end: tf.cast(matches[start:end], tf.bool)


def given_pairs(matches, sampled_mismatches):
    batch = LossBatch(
        images=U,
        texts=V,
        matches=rows(matches),
        seed=SEED,
        all_pairs=False,
        sampled_mismatches=sampled_mismatches,
    )
    return batch.pairs()


def test_given_pairs_take_the_diagonal_and_its_labels():
    similarity, label = given_pairs(MATCHES, 0)
    np.testing.assert_allclose(similarity.numpy(), [[0.6], [-0.6]])
    assert label.numpy().tolist() == [[True], [False]]


def test_a_sampled_mismatch_is_another_records_text_with_label_0():
    similarity, label = given_pairs(tf.eye(2, dtype=tf.bool), 1)
    # image 0 with text 1: 0.8; image 1 with text 0: 0.8
    np.testing.assert_allclose(similarity.numpy(), [[0.6, 0.8], [-0.6, 0.8]])
    assert label.numpy().tolist() == [[True, False], [True, False]]


def test_a_sampled_text_that_matches_is_no_mismatch():
    # All match all: what fills the row for want of a mismatch keeps its label.
    _, label = given_pairs(tf.ones([2, 2], tf.bool), 1)
    assert label.numpy().all()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # given: match 1 - 0.6 = 0.4; mismatch -0.6 is below the margin; (0.4 + 0) / 2
        (CosineEmbeddingConfig(name="cosine_embedding"), 0.2),
        # all: the mismatches 0.8 and 0.8 cost 0.9 each: (0.4 + 0.9 + 0.9 + 0) / 4
        (CosineEmbeddingConfig(name="cosine_embedding", pairs="all"), 0.55),
        # the same with weights and a margin of 0.5: 0.3 x 0.4 and 0.7 x (0.3 + 0.3)
        (
            CosineEmbeddingConfig(
                name="cosine_embedding",
                pairs="all",
                margin=0.5,
                positive_weight=0.3,
                negative_weight=0.7,
            ),
            0.135,
        ),
        # given: match beyond the margin; mismatch max(0, -0.6 + 0.2) = 0
        (HingeConfig(name="hinge"), 0.0),
        # all: 1.0 + 1.0 over four pairs
        (HingeConfig(name="hinge", pairs="all"), 0.5),
    ],
)
def test_pairs_by_hand(config, expected):
    found = JointLoss(config, 2)(U, V, matches=rows(MATCHES), seed=SEED).numpy()
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_scale_starts_at_the_inverse_temperature_and_is_learned():
    layer = JointLoss(InfoNceConfig(name="info_nce", temperature=0.05), 2)
    with tf.GradientTape() as tape:
        value = layer(U, V, matches=rows(tf.eye(2)), seed=SEED)
    assert value.numpy() == pytest.approx(info_nce_loss(U @ tf.transpose(V), tf.eye(2), 20.0))
    [gradient] = tape.gradient(value, layer.trainable_variables)
    assert abs(float(gradient)) > 0.1


def test_the_scale_is_clamped_after_a_step():
    import keras

    layer = JointLoss(InfoNceConfig(name="info_nce"), 2)
    for direction, bound in ((-1e6, math.log(100)), (1e6, 0.0)):
        keras.optimizers.SGD(1.0).apply([tf.constant(direction)], [layer.log_scale])
        assert layer.log_scale is not None
        assert layer.log_scale.numpy() == pytest.approx(bound)


def mean_of_matches(similarity, label, factor=1.0):
    """A loss of somebody's own."""
    return factor * tf.reduce_mean(tf.where(label, 1 - similarity, similarity))


def test_a_loss_of_your_own_by_dotted_path():
    config = CustomConfig(
        name="custom",
        function="tests.unit.trainer.models.test_joint_loss.mean_of_matches",
        arguments={"factor": 2.0},
        pairs="all",
    )
    found = JointLoss(config, 2)(U, V, matches=rows(MATCHES), seed=SEED).numpy()
    s, y = U.numpy() @ V.numpy().T, MATCHES.numpy().astype(bool)
    assert found == pytest.approx(2 * np.where(y, 1 - s, s).mean())


@pytest.mark.parametrize("block", [None, 1])
def test_sigmoid_in_blocks_or_not(block):
    config = SigmoidConfig(name="sigmoid", temperature=0.5, bias=-1.0, block=block)
    layer = JointLoss(config, 2)
    with tf.GradientTape() as tape:
        value = layer(U, V, matches=rows(MATCHES), seed=SEED)
    expected = sigmoid_loss(U @ tf.transpose(V), MATCHES, 2.0, -1.0)
    assert value.numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    gradients = tape.gradient(value, layer.trainable_variables)
    assert all(abs(float(each)) > 0.01 for each in gradients)
    assert len(gradients) == 2


def test_triplet():
    u, matches = tf.eye(3), tf.cast([[1, 0, 0], [0, 0, 0], [0, 0, 0]], tf.bool)
    v = tf.constant([[0.5, 0.2, 0.1], [0.4, 0.0, 0.0], [0.3, 0.0, 0.0]])
    # One match, 0.5. Its row has 0.4 and 0.3: 0.4 and 0.3 too much; its column 0.2 and 0.1: 0.2
    # and 0.1 too much.
    for config, expected in (
        (TripletConfig(name="triplet", margin=0.5), 1.0),
        (TripletConfig(name="triplet", margin=0.5, mining="hardest"), 0.6),
    ):
        found = JointLoss(config, 3)(u, v, matches=rows(matches), seed=SEED).numpy()
        assert found == pytest.approx(expected)
