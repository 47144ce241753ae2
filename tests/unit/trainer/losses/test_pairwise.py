"""Each loss and its gradient against a slow, obvious NumPy reference."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.losses import numeric_gradient, value_and_gradient
from trainer.losses.cosine_embedding import cosine_embedding_loss
from trainer.losses.hinge import hinge_loss
from trainer.losses.info_nce import info_nce_loss

RNG = np.random.default_rng(7)


def slow_cosine_embedding(s, y, margin, positive_weight, negative_weight):
    total = 0.0
    for one, label in zip(s.ravel(), y.ravel(), strict=True):
        total += (
            positive_weight * (1 - one) if label == 1 else negative_weight * max(0.0, one - margin)
        )
    return total / s.size


def slow_hinge(s, y, margin):
    total = 0.0
    for one, label in zip(s.ravel(), y.ravel(), strict=True):
        total += max(0.0, margin - one) if label == 1 else max(0.0, one + margin)
    return total / s.size


def slow_info_nce(s, y, t):
    def one_way(s, y):
        rows = []
        for scores, matches in zip(s, y, strict=True):
            if matches.sum() == 0:
                continue
            log_softmax = t * scores - np.log(np.exp(t * scores).sum())
            rows.append(-log_softmax[matches == 1].mean())
        return np.mean(rows) if rows else 0.0

    return (one_way(s, y) + one_way(s.T, y.T)) / 2


def test_cosine_embedding_by_hand():
    # match: 1 - 0.8 = 0.2; mismatch: 0.3 + 0.1 = 0.4; mean 0.3
    assert cosine_embedding_loss([0.8, 0.3], [1, 0]).numpy() == pytest.approx(0.3)
    # the classic weights: (0.3 x 0.2 + 0.7 x 0.4) / 2 = 0.17
    weighted = cosine_embedding_loss([0.8, 0.3], [1, 0], -0.1, 0.3, 0.7)
    assert weighted.numpy() == pytest.approx(0.17)
    # a mismatch below the margin costs nothing
    assert cosine_embedding_loss([-0.5], [0]).numpy() == 0.0


def test_hinge_by_hand():
    # match: 0.2 - 0.1 = 0.1; mismatch: 0.3 + 0.2 = 0.5; mean 0.3
    assert hinge_loss([0.1, 0.3], [1, 0]).numpy() == pytest.approx(0.3)
    assert hinge_loss([0.9, -0.9], [1, 0]).numpy() == 0.0


def test_info_nce_by_hand():
    # Two pairs, similarities 1 and 0, t = 1: every row is log(1 + e^-1) = 0.3132617
    eye = tf.eye(2)
    assert info_nce_loss(eye, eye, 1.0).numpy() == pytest.approx(0.3132617, abs=1e-6)
    # All four match: every target is (1/2, 1/2): log(1 + e^-1) + 1/2 = 0.8132617
    every = tf.ones([2, 2])
    assert info_nce_loss(eye, every, 1.0).numpy() == pytest.approx(0.8132617, abs=1e-6)


@pytest.mark.parametrize("shape", [(1,), (5,), (1, 1), (4, 6)])
@pytest.mark.parametrize("dtype", [np.int64, bool, np.float32])
def test_pairwise_losses_equal_the_reference(shape, dtype):
    s, y = RNG.uniform(-1, 1, shape), RNG.integers(0, 2, shape)
    for fast, slow in [
        (
            lambda s: cosine_embedding_loss(s, y.astype(dtype), 0.1, 0.3, 0.7),
            lambda s: slow_cosine_embedding(s, y, 0.1, 0.3, 0.7),
        ),
        (lambda s: hinge_loss(s, y.astype(dtype), 0.2), lambda s: slow_hinge(s, y, 0.2)),
    ]:
        value, gradient = value_and_gradient(fast, s)
        assert value == pytest.approx(slow(s), abs=1e-12)
        np.testing.assert_allclose(gradient, numeric_gradient(slow, s), atol=1e-8)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_info_nce_equals_the_reference_with_random_matches(n):
    s, y = RNG.uniform(-1, 1, (n, n)), RNG.integers(0, 2, (n, n))
    np.fill_diagonal(y, 1)
    y[0] = 0  # an image without a match anywhere in the batch is left out
    value, by_s, by_t = value_and_gradient(
        lambda s, t: info_nce_loss(s, y, t), s, np.array(1 / 0.07)
    )
    assert value == pytest.approx(slow_info_nce(s, y, 1 / 0.07), abs=1e-10)
    np.testing.assert_allclose(
        by_s, numeric_gradient(lambda s: slow_info_nce(s, y, 1 / 0.07), s), atol=1e-6
    )
    expected = numeric_gradient(lambda t: slow_info_nce(s, y, t[()]), np.array(1 / 0.07))
    np.testing.assert_allclose(by_t, expected, atol=1e-6)


def test_info_nce_never_pushes_away_a_second_match():
    # Two images with the same caption and the same vectors: their similarity must not be
    # lowered, so the gradient by the off-diagonal similarity is not positive.
    s, y = np.array([[0.9, 0.9, 0.1]] * 2 + [[0.1, 0.1, 0.9]]), np.eye(3)
    y[0, 1] = y[1, 0] = 1
    _, gradient = value_and_gradient(lambda s: info_nce_loss(s, y, 10.0), s)
    assert gradient[0, 1] <= 0
    _, pushed = value_and_gradient(lambda s: info_nce_loss(s, np.eye(3), 10.0), s)
    assert pushed[0, 1] > 0
