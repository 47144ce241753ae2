"""Whether XLA is used: by measurement, and without a trace of it."""

import time

import pytest
import tensorflow as tf

from schema.errors import InputError
from tests.support.training import config, trained, weights, write_records
from trainer.models.dual_encoder import precision_policy
from trainer.training.performance import xla


def steps(variable: tf.Variable, seconds: float = 0.0):
    def step(batch):
        variable.assign_add(1.0)
        time.sleep(seconds)
        return {"loss": variable.read_value()}

    return step


def broken(batch):
    raise tf.errors.InvalidArgumentError(None, None, "no kernel\nfor it")


@pytest.mark.parametrize(
    ("plain", "fused", "left", "taken"),
    [
        (0.02, 0.005, 10**6, True),
        (0.02, 0.02, 10**6, False),
        (0.02, 0.0191, 10**6, False),  # less than 5 % are saved
        (0.02, 0.0189, 10**6, True),
        (0.02, 0.005, 100, False),  # 2 s: compiling would take longer
    ],
)
def test_it_is_taken_where_it_pays(plain, fused, left, taken, monkeypatch):
    variable = tf.Variable(7.0)
    without, with_xla = steps(variable), steps(variable)
    seconds = {without: plain, with_xla: fused}

    def seconds_of(step, batch, _stop):
        step(batch)
        return seconds[step]

    monkeypatch.setattr(xla, "seconds_of", seconds_of)
    found = xla.is_faster(without, with_xla, None, [variable], left)
    assert found == taken
    assert variable.numpy() == 7.0


def test_a_step_that_it_cannot_compile_goes_without():
    variable = tf.Variable(7.0)
    assert not xla.is_faster(steps(variable, 0.01), broken, None, [variable], 10**6)
    assert variable.numpy() == 7.0


def test_asked_to_stop_it_times_no_further():
    variable, made = tf.Variable(7.0), []

    def step(batch):
        made.append(batch)
        return steps(variable, 0.01)(batch)

    found = xla.is_faster(step, broken, None, [variable], 10**6, stop=lambda: len(made) == 2)
    assert (found, len(made), variable.numpy()) == (None, 2, 7.0)


def test_a_step_that_cannot_be_compiled_is_refused_where_xla_is_asked_for():
    message = (
        r"^training.xla: true: XLA cannot compile this step \(set it to auto or false\): no kernel$"
    )
    with pytest.raises(InputError, match=message):
        xla.with_clear_error(broken)(None)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("data"), 60)


TOWERS = {
    "image_tower": {"kind": "conv", "filters": 4},
    "text_tower": {"kind": "bag", "width": 8},
}


def test_with_it_and_without_the_networks_learn_the_same(files, tmp_path):
    found = [
        weights(trained(config(model=TOWERS, training={"xla": use, "epochs": 1}), files, tmp_path))
        for use in (False, True)
    ]
    for one, other in zip(*found, strict=True):
        assert abs(one - other).max() < 1e-3


def test_half_precision_keeps_weights_and_loss_in_float32(files, tmp_path):
    settings = config(model=TOWERS, training={"precision": "bfloat16", "epochs": 1})
    model = trained(settings, files, tmp_path)
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    assert model.image_tower.layers[-1].compute_dtype == "bfloat16"
    pixels = tf.random.stateless_uniform([5, 8, 8, 3], [0, 1], 0, 255)
    found = model.embed_images(pixels)
    assert found.dtype == tf.float32
    whole = config(model=TOWERS)
    copy = type(model)(whole)
    copy.set_weights(model.get_weights())
    expected = copy.embed_images(pixels)
    # Eight bits of mantissa: embeddings of length 1 are off by a hundredth, but not more.
    difference = abs(found - expected).numpy().max()
    assert 0 < difference < 0.03


def test_the_policy_is_put_back():
    import keras

    with pytest.raises(KeyError), precision_policy("bfloat16"):
        raise KeyError
    assert keras.config.dtype_policy().name == "float32"
