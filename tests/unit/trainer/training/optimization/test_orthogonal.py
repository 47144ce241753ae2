"""Steps of Muon, against a singular value decomposition and by hand."""

from typing import Literal

import keras
import numpy as np
import pytest

from trainer.config.training import TrainingConfig
from trainer.towers.transformer_layers import Positions
from trainer.training.optimization import optimizer
from trainer.training.optimization.orthogonal import is_hidden_matrix, orthogonal_step


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (3, 3, 4, 8)])
def test_a_step_keeps_the_singular_vectors_and_levels_the_values(shape):
    direction = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    step = orthogonal_step(direction).numpy()
    assert step.shape == shape
    left, _, right = np.linalg.svd(direction.reshape(-1, shape[-1]), full_matrices=False)
    matrix = step.reshape(-1, shape[-1])
    values = left.T @ matrix @ right.T
    scaled = np.diag(values) / (0.2 * np.sqrt(max(matrix.shape)))
    assert scaled.min() > 0.67
    assert scaled.max() < 1.22
    np.testing.assert_allclose(values - np.diag(np.diag(values)), 0, atol=1e-4)
    assert np.sqrt(np.mean(step**2)) == pytest.approx(0.2, rel=0.2)


def test_a_direction_of_zero_is_no_step():
    np.testing.assert_array_equal(orthogonal_step(np.zeros((3, 2), np.float32)), 0)


def test_only_kernels_within_a_network_take_orthogonal_steps():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.DepthwiseConv2D(3)(keras.layers.Conv2D(4, 3)(inputs))
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    network = keras.Model(inputs, keras.layers.Dense(2, name="projection")(x))
    table = keras.layers.Embedding(10, 4)
    table.build()
    places = Positions(7)
    places.build((None, 7, 4))
    every = (*network.weights, *table.weights, *places.weights)
    hidden = [v.shape for v in every if is_hidden_matrix(v)]
    assert hidden == [(3, 3, 3, 4), (64, 5)]


def test_muon_moves_kernels_by_the_rate_and_the_rest_as_adamw_does():
    # The gradient (3, 4) has one singular value: its step is 0.2 sqrt(2) s (0.6, 0.8) of the rate,
    # s the same for any length of it. A bias moves by the rate, and a kernel decays as before.
    def moved(scale: float, name: Literal["adamw", "muon"]) -> list[np.ndarray]:
        kernel = keras.Variable(np.ones((2, 2)), name="kernel")
        bias = keras.Variable(np.ones(2), name="bias")
        config = TrainingConfig(optimizer=name, warmup_steps=0, weight_decay=0.5, learning_rate=0.1)
        built = optimizer.build(config, 100)
        gradients = [np.array([[3.0, 4.0], [0.0, 0.0]]) * scale, np.array([3.0, 4.0])]
        built.apply([g.astype(np.float32) for g in gradients], [kernel, bias])
        return [kernel.numpy(), bias.numpy(), *(v.numpy() for v in built.variables)]

    kernel, bias, *_ = moved(1.0, "muon")
    step = (1 - 0.1 * 0.5 - kernel) / 0.1
    size = np.linalg.norm(step)
    assert 0.67 < size / (0.2 * np.sqrt(2)) < 1.22
    np.testing.assert_allclose(step / size, [[0.6, 0.8], [0.0, 0.0]], atol=1e-5)
    np.testing.assert_allclose(moved(100.0, "muon")[0], kernel, atol=1e-6)
    np.testing.assert_allclose(bias, moved(1.0, "adamw")[1])
    assert len(moved(1.0, "adamw")) == len(moved(1.0, "muon")) + 1  # no squared gradients of it
