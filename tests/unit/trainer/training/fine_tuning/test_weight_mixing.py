"""Mixes of the weights before and after a fine-tuning, and the choice among them."""

import math

import keras
import numpy as np
import pytest

from schema.errors import InputError
from tests.support.training import SIZE, SPEC, TOKENS, VOCABULARY, config, weights
from tests.unit.trainer.training.test_serving_weights import compiled, images
from trainer.training import train
from trainer.training.data.retrieval_sample import Sample
from trainer.training.data.run_data import RunData
from trainer.training.distribution.tf_config import Cluster
from trainer.training.fine_tuning import weight_mixing
from trainer.training.fine_tuning.mixing_curve import (
    HELD_OUT,
    Limit,
    Mixing,
    Point,
    Retained,
    of_plain,
    plain,
)
from trainer.training.serving_weights import ServingCopy

RANDOM = np.random.default_rng(3)


def sample(count: int) -> Sample:
    tokens = RANDOM.integers(2, VOCABULARY, (count, TOKENS))
    ids = np.arange(1, count + 1)
    return Sample(images(count, SIZE), tokens, np.arange(count), ids)


@pytest.fixture(scope="module")
def learned() -> tuple[ServingCopy, list[np.ndarray]]:
    """A copy of networks whose weights have moved, and the weights from before."""
    model = compiled(config())
    before = weights(model)
    keras.utils.set_random_seed(2)
    for variable in model.trainable_variables:
        variable.assign_add(keras.random.normal(variable.shape, stddev=0.3))
    return ServingCopy(model, images(20)), before


def test_the_ends_are_the_two_models_and_the_middle_is_halfway(learned):
    copy, before = learned
    after = weights(copy.update())
    trainable = {id(variable) for variable in copy.model.trainable_variables}
    copy.set_mix(before, copy.current(), 0.0)
    for mine, theirs in zip(weights(copy.model), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    copy.set_mix(before, copy.current(), 1.0)
    for mine, theirs in zip(weights(copy.model), after, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    copy.set_mix(before, copy.current(), 0.5)
    for variable, start, end in zip(copy.model.weights, before, after, strict=True):
        if id(variable) in trainable:
            np.testing.assert_allclose(variable.numpy(), (start + end) / 2, atol=1e-6)


def test_each_point_is_what_the_mixed_networks_recall_and_the_best_one_stays(learned):
    copy, before = learned
    held_out, old = sample(24), sample(16)
    found = weight_mixing.mix(copy, before, 3, held_out, {"old": old})
    assert [point.ratio for point in found.points] == [0.0, 0.5, 1.0]
    after = copy.current()
    for point in found.points:
        copy.set_mix(before, after, point.ratio)
        ranks, _ = held_out.ranks(*held_out.embed(copy.embed_images, copy.embed_texts))
        assert point.held_out == pytest.approx((ranks <= 1).mean())
        ranks, _ = old.ranks(*old.embed(copy.embed_images, copy.embed_texts))
        assert point.retained == {"old": pytest.approx((ranks <= 1).mean())}
    weight_mixing.mix(copy, before, 3, held_out, {"old": old})
    chosen = weights(copy.model)
    copy.set_mix(before, after, found.chosen)
    for mine, theirs in zip(weights(copy.model), chosen, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_limit_that_no_mix_keeps_is_missed_by_as_little_as_possible(learned):
    copy, before = learned
    limit = Limit("old", HELD_OUT, at_least=2.0)  # a recall is at most 1
    found = weight_mixing.mix(copy, before, 3, sample(24), {"old": sample(16)}, [limit])
    for point in found.points:
        assert point.short_of == pytest.approx(2 - point.retained["old"])
    assert found.remark is not None
    assert "falls short the least" in found.remark
    free = Limit("old", HELD_OUT, worse_by=1.1)
    found = weight_mixing.mix(copy, before, 3, sample(24), {"old": sample(16)}, [free])
    assert [point.short_of for point in found.points] == [0, 0, 0]


POINTS = (
    Point(0.0, 0.40, {"old": 0.70}),
    Point(0.4, 0.50, {"old": 0.70}),
    Point(0.5, 0.50, {"old": 0.69}),
    Point(1.0, 0.55, {"old": 0.60}, short_of=0.08),
)


def recalled(first: int, last: int) -> np.ndarray:
    """Of 100 queries those from `first` to before `last` find their image."""
    return ((np.arange(100) >= first) & (np.arange(100) < last)).astype(float)


def test_of_mixes_that_keep_the_limits_and_are_as_good_the_one_that_learned_most_is_chosen():
    best, start, end = recalled(0, 50), recalled(0, 40), recalled(0, 55)
    # 5 queries are lost and 4 won: 0.01 less, with a standard error of 0.03.
    held_out = [start, best, recalled(5, 54), end]
    assert weight_mixing.choose(POINTS, held_out) == POINTS[2]
    # 5 are lost and 1 is won: 0.04 less, with a standard error of 0.024.
    held_out = [start, best, recalled(5, 51), end]
    assert weight_mixing.choose(POINTS, held_out) == POINTS[1]
    assert weight_mixing.choose(POINTS[3:], [end]) == POINTS[3]


def test_a_curve_survives_json_and_says_when_nothing_was_gained():
    curve = Mixing(0.4, POINTS)
    assert of_plain(plain(curve)) == curve
    assert curve.remark is None
    unused = Mixing(0.0, POINTS).remark
    assert unused is not None
    assert unused.startswith("the fine-tuning is not used")


def test_the_interval_of_a_paired_difference():
    # 6 of 100 queries are lost and 2 won: mean -0.04, standard deviation sqrt(0.08 - 0.0016).
    differences = np.repeat([-1.0, 1.0, 0.0], [6, 2, 92])
    expected = -0.04 - 1.96 * math.sqrt(0.08 - 0.0016) / 10
    assert weight_mixing.lower_end(differences) == pytest.approx(expected)


def test_a_holdout_without_a_record_is_refused():
    model = {
        "image_tower": {"kind": "convnet", "widths": [4, 8], "weights": "release:r"},
        "text_tower": {"kind": "bag", "weights": "release:r"},
    }
    fine_tuned = config(model=model, fine_tune={})
    copy = ServingCopy(compiled(fine_tuned), None)
    data = RunData(fine_tuned, SPEC, [], Cluster(), 0)
    with pytest.raises(InputError, match=r"fine_tune\.holdout leaves no record"):
        train._mix(fine_tuned, copy, [], data, Retained({}, ()))
