"""Functions with gradients of their own: values by hand, gradients against differences."""

import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.towers import fused_ops

EPSILON = 1e-5


def test_gelu():
    # P(1) = 0.8413447, p(1) = 0.2419707: gelu(1) = P(1), gelu'(1) = P(1) + p(1). At -1 the integral
    # is 1 - P(1) = 0.1586553: gelu(-1) = -0.1586553, gelu'(-1) = 0.1586553 - 0.2419707.
    x = tf.constant([0.0, 1.0, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = fused_ops.gelu(x)
    np.testing.assert_allclose(y, [0, 0.8413447, -0.1586553], atol=1e-6)
    found = tape.gradient(y, x, tf.constant([1.0, 1.0, 2.0]))
    np.testing.assert_allclose(found, [0.5, 1.0833155, 2 * -0.0833155], atol=1e-6)


@pytest.mark.parametrize("padded", [False, True])
def test_attention(padded):
    random = np.random.default_rng(1)
    n, tokens, width, heads = 3, 4, 6, 2
    qkv = tf.constant(random.normal(0, 2, (n, tokens, 3 * width)))
    upstream = tf.constant(random.normal(size=(n, tokens, width)))
    is_token = np.ones((n, tokens))
    if padded:
        is_token[0, 2:], is_token[2, 1:] = 0, 0

    def slow(qkv: tf.Tensor) -> tf.Tensor:
        """A text and a head at a time."""
        rows = []
        for number in range(n):
            q, k, v = (tf.split(part, heads, 1) for part in tf.split(qkv[number], 3, 1))
            mixed = []
            for head in range(heads):
                scores = tf.exp(q[head] @ tf.transpose(k[head]) / math.sqrt(width / heads))
                scores *= is_token[number][None]
                mixed.append(scores / tf.reduce_sum(scores, 1, keepdims=True) @ v[head])
            rows.append(tf.concat(mixed, 1))
        return tf.stack(rows)

    mask = tf.constant(is_token) if padded else None
    found = []
    for function in (slow, lambda x: fused_ops.attention(x, mask, heads)):
        with tf.GradientTape() as tape:
            tape.watch(qkv)
            y = function(qkv)
        found.append((y, tape.gradient(y, qkv, upstream)))
    for expected, fast in zip(*found, strict=True):
        # The softmax is computed in float32.
        np.testing.assert_allclose(fast, expected, atol=5e-6)


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5)])
def test_layer_norm(shape):
    random = np.random.default_rng(0)
    x, weight = random.normal(2, 3, shape), random.normal(size=shape)
    gamma, beta = random.normal(size=5), random.normal(size=5)

    def slow(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
        rows = [
            [(v - np.mean(row)) / math.sqrt(np.var(row) + EPSILON) for v in row]
            for row in x.reshape(-1, 5)
        ]
        return np.reshape(rows, shape) * gamma + beta

    given = [tf.constant(each, tf.float64) for each in (x, gamma, beta)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = fused_ops.layer_norm(*given, tf.constant(EPSILON, tf.float64))
    np.testing.assert_allclose(y, slow(x, gamma, beta), atol=1e-12)
    found = tape.gradient(y, given, tf.constant(weight))
    values = [x, gamma, beta]
    for which, gradient in enumerate(found):
        for place in np.ndindex(*values[which].shape):
            moved = []
            for step in (1e-5, -1e-5):
                changed = [each.copy() for each in values]
                changed[which][place] += step
                moved.append((slow(*changed) * weight).sum())
            assert float(gradient[place]) == pytest.approx((moved[0] - moved[1]) / 2e-5, abs=1e-7)
