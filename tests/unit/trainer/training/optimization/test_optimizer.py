"""What a step does to the weights, by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.config.training import TrainingConfig
from trainer.training.optimization import optimizer


def moved(
    config: TrainingConfig,
    gradients: list[list[float]],
    steps: int = 1,
    rates: list[float] | None = None,
) -> list:
    """A kernel [1, 2] and a bias [2], all ones, after steps with the same gradients."""
    variables = [keras.Variable(np.ones(shape)) for shape in ((1, 2), (2,))]
    built = optimizer.build(config, 100, rates)
    for _ in range(steps):
        pairs = zip(gradients, variables, strict=True)
        built.apply([np.reshape(np.array(g, np.float32), v.shape) for g, v in pairs], variables)
    return [built, *variables]


def test_gradients_are_clipped_by_their_common_norm():
    # |(3, 0, 0, 4)| = 5: clipped to 1 they are (0.6, 0, 0, 0.8). Adam's first moment after one step
    # is 0.1 of the gradient.
    config = TrainingConfig(clip_norm=1.0, warmup_steps=0, weight_decay=0.0)
    built, *_ = moved(config, [[3.0, 0.0], [0.0, 4.0]])
    first = [m.numpy() for m in built.variables if "momentum" in m.path]
    np.testing.assert_allclose(first[0], [[0.06, 0.0]], atol=1e-6)
    np.testing.assert_allclose(first[1], [0.0, 0.08], atol=1e-6)
    loose, *_ = moved(config.model_copy(update={"clip_norm": 10.0}), [[3.0, 0.0], [0.0, 4.0]])
    first = [m.numpy() for m in loose.variables if "momentum" in m.path]
    np.testing.assert_allclose(first[0], [[0.3, 0.0]], atol=1e-6)


def test_a_bias_does_not_decay():
    config = TrainingConfig(warmup_steps=0, weight_decay=0.5, learning_rate=0.1)
    _, kernel, bias = moved(config, [[0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(kernel.numpy(), 1 - 0.1 * 0.5, atol=1e-5)
    np.testing.assert_array_equal(bias.numpy(), 1)


@pytest.mark.parametrize(
    ("average", "kept"),
    [
        # After n steps (1 + n) / (10 + n) of the average is kept: 2/11, 3/12, 4/13, 5/14.
        (0.999, [0, 2 / 11, 3 / 12, 4 / 13, 5 / 14]),
        (0.2, [0, 2 / 11, 0.2, 0.2, 0.2]),  # at most what the config says
    ],
)
def test_a_short_run_averages_over_its_last_steps(average, kept):
    config = TrainingConfig(average=average, warmup_steps=0, weight_decay=0.0, learning_rate=0.1)
    values = [
        moved(config, [[1.0, 1.0], [1.0, 1.0]], n + 1)[1].numpy()[0, 0] for n in range(len(kept))
    ]
    expected = 0.0
    for share, value in zip(kept, values, strict=True):
        expected = share * expected + (1 - share) * value
    built, kernel, bias = moved(config, [[1.0, 1.0], [1.0, 1.0]], len(kept))
    found = optimizer.averages(built)
    assert found[id(kernel)].numpy()[0, 0] == pytest.approx(expected, abs=1e-6)
    assert set(found) == {id(kernel), id(bias)}
    assert expected - values[-1] > 0.01


def test_without_an_average_there_is_none():
    built, *_ = moved(TrainingConfig(), [[1.0, 1.0], [1.0, 1.0]])
    assert optimizer.averages(built) == {}


def test_the_rate_of_a_step_is_known_after_it():
    # Of 100 steps the cosine is 0 done in the first one and 1/100 in the second.
    config = TrainingConfig(warmup_steps=0, learning_rate=0.1)
    for steps in (1, 2):
        built, *_ = moved(config, [[1.0, 1.0], [1.0, 1.0]], steps)
        expected = 0.05 * (1 + np.cos(np.pi * (steps - 1) / 100))
        assert built.last_rate == pytest.approx(expected, abs=1e-8)


def test_the_memory_of_squared_gradients_is_short():
    # After one step m = 0.1 g and v = 0.02 g^2. With g = 1e-4 the step is the rate of 0.1 times
    # sqrt(0.02) / 0.1 x 1e-5 / (sqrt(2e-10) + 1e-6) = 0.93396; without 1e-6 it were 1.
    config = TrainingConfig(warmup_steps=0, weight_decay=0.0, learning_rate=0.1)
    built, kernel, _ = moved(config, [[1e-4, 1e-4], [1.0, 1.0]])
    second = [v.numpy() for v in built.variables if "velocity" in v.path]
    np.testing.assert_allclose(second[1], 0.02, rtol=1e-5)
    np.testing.assert_allclose(kernel.numpy(), 1 - 0.093396, atol=1e-6)


@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_a_word_that_stands_twice_has_one_gradient(clip_norm):
    # TensorFlow gives a gradient for each mention; what counts is their sum, whether it is squared
    # or measured.
    config = TrainingConfig(warmup_steps=0, learning_rate=0.1, clip_norm=clip_norm)
    found = []
    for whole in (False, True):
        table = keras.Variable(np.ones((3, 2)))
        gradient = tf.IndexedSlices(tf.ones([3, 2]), tf.constant([1, 1, 2]), tf.constant([3, 2]))
        built = optimizer.build(config, 100)
        for _ in range(2):
            built.apply([tf.convert_to_tensor(gradient) if whole else gradient], [table])
        found.append([table.numpy(), *(v.numpy() for v in built.variables)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_variable_with_a_rate_moves_and_decays_by_that_share():
    config = TrainingConfig(warmup_steps=0, weight_decay=0.5, learning_rate=0.1)
    # Adam's first step is the learning rate, whatever the gradient; the kernel decays by 0.1 * 0.5
    # of itself before it. A share of 0.2 is 0.2 of both.
    for share in (1.0, 0.2):
        _, kernel, bias = moved(config, [[3.0, 3.0], [3.0, 3.0]], rates=[share, 0.5])
        np.testing.assert_allclose(kernel.numpy(), 1 - share * (0.1 * 0.5 + 0.1), atol=1e-5)
        np.testing.assert_allclose(bias.numpy(), 1 - 0.5 * 0.1, atol=1e-5)


def test_each_variable_needs_a_rate():
    with pytest.raises(ValueError, match="1 rates for 2 variables"):
        moved(TrainingConfig(), [[1.0, 1.0], [1.0, 1.0]], rates=[1.0])
