"""Sigmoid and triplet losses, and the sigmoid loss in blocks, against slow references."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.losses import numeric_gradient, slow_sigmoid, slow_triplet, value_and_gradient
from tests.support.peak_memory import begin_peak, peak
from trainer.losses.sigmoid import sigmoid_loss, sigmoid_loss_in_blocks
from trainer.losses.triplet import triplet_loss

RNG = np.random.default_rng(11)


def cases() -> dict[str, np.ndarray]:
    """Match matrices [images, texts] as batches have them."""
    random = RNG.integers(0, 2, (6, 6))
    random[2] = 0  # an image without any match
    duplicate_captions = np.eye(5, dtype=int)
    duplicate_captions[1, 3] = duplicate_captions[3, 1] = 1
    of_one_image = np.eye(6, dtype=int)
    of_one_image[:3, :3] = 1
    return {
        "random labels": random,
        "duplicate captions": duplicate_captions,
        "several captions of one image": of_one_image,
        "batch of one": np.ones((1, 1), int),
        "one pair, no match": np.zeros((1, 1), int),
        "all match": np.ones((3, 3), int),
    }


CASES = cases()


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def batch(request) -> tuple[np.ndarray, np.ndarray]:
    y = request.param
    return np.random.default_rng(y.size).uniform(-1, 1, y.shape), y


def test_sigmoid_by_hand():
    # t = 2, b = -1: the match's logit is 0, -log sigmoid(0) = 0.693147; the mismatch's is -1,
    # -log sigmoid(1) = 0.313262; one image.
    found = sigmoid_loss([[0.5, 0.0]], [[1, 0]], 2.0, -1.0).numpy()
    assert found == pytest.approx(0.693147 + 0.313262, abs=1e-6)
    # Two images: the sum of four is divided by two. Every logit is -1: two matches of
    # log(1 + e) = 1.313262 and two mismatches of 0.313262.
    found = sigmoid_loss(tf.zeros([2, 2]), tf.eye(2), 2.0, -1.0).numpy()
    assert found == pytest.approx((2 * 1.313262 + 2 * 0.313262) / 2, abs=1e-6)
    # A logit of -1000 at a match costs 1000 and not infinity.
    assert sigmoid_loss([-1.0], [1], 1000.0, 0.0).numpy() == pytest.approx(1000)


def test_sigmoid_equals_the_reference(batch):
    s, y = batch
    t, b = np.array(5.0), np.array(-2.0)
    value, *gradients = value_and_gradient(lambda s, t, b: sigmoid_loss(s, y, t, b), s, t, b)
    assert value == pytest.approx(slow_sigmoid(s, y, t, b), abs=1e-12)
    expected = [
        numeric_gradient(lambda s: slow_sigmoid(s, y, t, b), s),
        numeric_gradient(lambda t: slow_sigmoid(s, y, t, b), t),
        numeric_gradient(lambda b: slow_sigmoid(s, y, t, b), b),
    ]
    for found, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-7)


def test_triplet_by_hand():
    s, y = tf.constant([[0.5, 0.4], [0.1, 0.6]]), tf.eye(2)
    # Rows: 0.2 - 0.5 + 0.4 = 0.1 and max(0, 0.2 - 0.6 + 0.1) = 0.
    # Columns: max(0, 0.2 - 0.5 + 0.1) = 0 and 0.2 - 0.6 + 0.4 = 0. Two matches.
    for mining in ("sum", "hardest"):
        assert triplet_loss(s, y, 0.2, mining).numpy() == pytest.approx(0.05)
    # Margin 0.5. Rows: 0.4; 0. Columns: 0.1; 0.3. All sums have one term.
    assert triplet_loss(s, y, 0.5).numpy() == pytest.approx(0.4)
    # One image, three texts, the first matches: violations 0.1 and 0.3, no other images.
    row = tf.constant([[0.5, 0.4, 0.6]])
    assert triplet_loss(row, [[1, 0, 0]], 0.2, "sum").numpy() == pytest.approx(0.4)
    assert triplet_loss(row, [[1, 0, 0]], 0.2, "hardest").numpy() == pytest.approx(0.3)


@pytest.mark.parametrize("mining", ["sum", "hardest"])
def test_triplet_equals_the_reference(batch, mining):
    s, y = batch
    value, gradient = value_and_gradient(lambda s: triplet_loss(s, y, 0.3, mining), s)
    assert value == pytest.approx(slow_triplet(s, y, 0.3, mining), abs=1e-12)
    expected = numeric_gradient(lambda s: slow_triplet(s, y, 0.3, mining), s)
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


@pytest.mark.parametrize("mining", ["sum", "hardest"])
def test_triplet_never_pushes_a_second_match_away(mining):
    s, y = np.full((3, 3), 0.5), np.eye(3)
    y[0, 1] = y[1, 0] = 1
    _, gradient = value_and_gradient(lambda s: triplet_loss(s, y, 0.2, mining), s)
    assert gradient[0, 1] < 0  # less similarity would cost more


@pytest.mark.parametrize("block", [1, 3, 7, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_blocks_equals_the_whole(block, dtype):
    n, m, d = 7, 5, 4
    u, v = (RNG.normal(size=(k, d)).astype(dtype) for k in (n, m))
    t, b, y = np.array(3, dtype), np.array(-1, dtype), RNG.integers(0, 2, (n, m)).astype(bool)

    def whole(u, v, t, b):
        return 2 * sigmoid_loss(tf.matmul(u, v, transpose_b=True), y, t, b)

    @tf.function
    def blocks(u, v, t, b):
        rows = tf.constant(y)
        return 2 * sigmoid_loss_in_blocks(u, v, lambda i, j: rows[i:j], t, b, block)

    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    expected = value_and_gradient(whole, u, v, t, b)
    for found, wanted in zip(value_and_gradient(blocks, u, v, t, b), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_in_blocks_never_holds_the_matrix():
    # 20,000 x 20,000 floats are 1.6 GB; a block of 100 rows is 8 MB.
    n, d = 20_000, 4
    u, v = (tf.constant(RNG.normal(size=(n, d)), tf.float32) for _ in range(2))

    @tf.function
    def gradients(u, v):
        rows = tf.range(n)
        with tf.GradientTape() as tape:
            tape.watch([u, v])
            loss = sigmoid_loss_in_blocks(
                u, v, lambda i, j: rows[i:j, None] == rows[None], tf.constant(3.0), -9.0, 100
            )
        return tape.gradient(loss, [u, v])

    before = begin_peak()
    by_u, _ = gradients(u, v)
    assert np.isfinite(by_u).all()
    assert peak() - before < 400 * 2**20


@pytest.mark.parametrize("mining", ["sum", "hardest"])
def test_no_mismatch_and_no_match(mining):
    s = tf.constant(RNG.uniform(-1, 1, (3, 3)))
    assert triplet_loss(s, tf.ones([3, 3]), 0.2, mining).numpy() == 0
    assert triplet_loss(s, tf.zeros([3, 3]), 0.2, mining).numpy() == 0
