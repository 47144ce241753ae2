"""`tune:` by value: what is read, and what is refused by its key before anything runs."""

from typing import Any

import pytest
import yaml

from pipeline.config.run_config import RunConfig, load
from schema.config.section import canonical_json
from schema.errors import ConfigError
from tests.support.small_run import small_values
from trainer.config.overrides import decoded, encoded
from trainer.config.tuning import TuneConfig

RATE = {"training.learning_rate": {"min": 1e-4, "max": 1e-2, "log": True}}


def read(tmp_path, tune: dict[str, Any], **others: Any) -> RunConfig:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**small_values(), "tune": tune, **others}))
    return load(file)


def test_without_the_section_nothing_is_tuned(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(small_values()))
    assert load(file).tune is None


def test_a_space_as_people_write_it(tmp_path):
    file = tmp_path / "config.yaml"
    text = """
tune:
  trials: 20
  algorithm: bayesian
  epochs: 3
  objective: image_to_text_recall_at_5
  space:
    training.learning_rate: {min: 1e-4, max: 1E-2, log: true}
    training.batch_size: {values: [20, 40]}
    training.clip_norm: {values: [null, 1.0]}
    model.embedding_dim: {min: 16, max: 64, step: 16}
    model.text_tower: {values: [{kind: bag}, {kind: lstm}]}
"""
    file.write_text(yaml.safe_dump(small_values()) + text)
    tune = load(file).tune
    assert tune is not None
    rate = tune.space["training.learning_rate"]
    assert (rate.min, rate.max, rate.log) == (0.0001, 0.01, True)
    assert (tune.trials, tune.algorithm, tune.epochs, tune.held_out) == (20, "bayesian", 3, 0.1)
    assert list(tune.space["model.embedding_dim"].extremes(32)) == [16, 64]
    assert tune.space["training.clip_norm"].values == (None, 1.0)
    assert TuneConfig.model_validate_json(canonical_json(tune)) == tune  # as the node is told it


def test_a_range_is_whole_where_the_key_is(tmp_path):
    space = {
        "training.weight_decay": {"min": 0, "max": 1},
        "training.warmup_steps": {"min": 0, "max": 10},
        "training.clip_norm": {"min": 1, "max": 10},  # unset: the ends decide
    }
    config = read(tmp_path, {"space": space})
    assert config.tune is not None
    found = {key: config.tune.space[key] for key in space}
    assert [found["training.weight_decay"].whole(config.training.weight_decay)] == [False]
    assert [found["training.warmup_steps"].whole(config.training.warmup_steps)] == [True]
    assert [found["training.clip_norm"].whole(config.training.clip_norm)] == [True]


def test_a_trial_has_epochs_of_its_own(tmp_path):
    config = read(tmp_path, {"epochs": 2, "space": RATE})
    assert config.tune is not None
    assert config.tune.for_trial(config.for_trainer()).training.epochs == 2
    config = read(tmp_path, {"space": RATE})
    assert config.tune is not None
    assert config.tune.for_trial(config.for_trainer()) == config.for_trainer()


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({}, "tune: space holds no key to search for"),
        (
            {"training.rate": {"values": [1, 2]}},
            "tune.space.training.rate is not a key of the config",
        ),
        (
            {"training.learning_rate.peak": {"values": [1, 2]}},
            "tune.space.training.learning_rate.peak is not a key of the config",
        ),
        (
            {"data.path": {"values": ["a", "b"]}},
            "tune: space.data.path is in none of the sections model, loss, augment, training",
        ),
        (
            {"image.size": {"values": [32, 64]}},
            "tune: space.image.size is of Transform, and another value would need another",
        ),
        (
            {"text.max_tokens": {"min": 8, "max": 16}},
            "tune: space.text.max_tokens is of Transform",
        ),
        (
            {"training.epochs": {"values": [1, 2]}},
            "tune: space.training.epochs decides how long a trial takes",
        ),
        (
            {"model.normalize": {"values": [True, False]}},
            "tune: space.model.normalize is passed to the serving check",
        ),
        (
            {"training.batch_size": {"values": [1, 40]}},
            "tune.space.training.batch_size cannot be 1: training.batch_size = 1 is too small",
        ),
        (
            {"training.learning_rate": {"min": 0.1, "max": 1}, "model.embedding_dim": {"max": 2}},
            "tune.space.model.embedding_dim: needs values, or min and max",
        ),
        (
            {"augment.shift": {"min": 0.5, "max": 1.5}},
            "tune.space.augment.shift cannot be 1.5: augment.shift = 1.5: input should be less",
        ),
        (
            {"training.batch_size": {"min": 40, "max": 50.5}},
            "tune.space.training.batch_size cannot be 50.5: training.batch_size = 50.5: input",
        ),
        (
            {"training.precision": {"values": ["float32", "float8"]}},
            'tune.space.training.precision cannot be "float8": training.precision',
        ),
        (
            {"model.image_tower": {"values": [{"kind": "vit", "patch": 7}, {"kind": "conv"}]}},
            'tune.space.model.image_tower cannot be {"kind": "vit", "patch": 7}: '
            "model.image_tower.patch = 7 does not divide image.size",
        ),
        (
            {
                "model.image_tower": {"values": [{"kind": "conv"}, {"kind": "vit"}]},
                "model.image_tower.widths": {"values": [[8], [16]]},
            },
            "tune: space.model.image_tower.widths is a part of space.model.image_tower",
        ),
        (
            {"training.batch_size": {"values": [40, 40]}},
            "tune.space.training.batch_size: values must be two different ones or more",
        ),
        (
            {"training.batch_size": {"values": [20, 40], "log": True}},
            "tune.space.training.batch_size: values stand alone",
        ),
        (
            {"training.learning_rate": {"min": 1, "max": 0.1}},
            "tune.space.training.learning_rate: min = 1 is not below max = 0.1",
        ),
        (
            {"training.weight_decay": {"min": 0, "max": 0.1, "log": True}},
            "tune.space.training.weight_decay: min = 0 must be above 0 with log",
        ),
        (
            {"training.learning_rate": {"min": 0.1, "max": 1, "log": True, "step": 0.1}},
            "tune.space.training.learning_rate: step = 0.1 must be above 1 with log",
        ),
        (
            {"training.learning_rate": {"min": "low", "max": 1}},
            "tune.space.training.learning_rate.min = 'low': input should be a valid number",
        ),
    ],
)
def test_refusals(tmp_path, space, sentence):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, {"space": space})
    message = str(caught.value).removeprefix(f"{tmp_path}/config.yaml: ")
    assert message.startswith(sentence)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("trials", 0, "tune.trials = 0: input should be greater than 0"),
        ("algorithm", "hyperband", "tune.algorithm = 'hyperband': input should be 'random' or"),
        ("objective", "loss", "tune.objective = 'loss': input should be 'text_to_image_mrr'"),
        ("held_out", 1.0, "tune.held_out = 1.0: input should be less than 1"),
        ("budget", 3, "tune.budget is not a key of the config"),
    ],
)
def test_refusals_beside_the_space(tmp_path, key, value, sentence):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, {"space": RATE, key: value})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([128, 256], [128, 256]),
        ([0, 0.5], [0.0, 0.5]),
        (["png", "null"], ['"png"', '"null"']),
        ([True, False], ["true", "false"]),  # KerasTuner would make 1 and 0 of them
        ([None, 1.0], ["null", "1.0"]),
        ([{"kind": "conv"}, [8, 16]], ['{"kind": "conv"}', "[8, 16]"]),
    ],
)
def test_values_travel_through_kerastuner_and_back(values, expected):
    found = encoded(values)
    assert found == expected
    assert [type(each) for each in found] == [type(each) for each in expected]
    assert [decoded({"k": each})["k"] for each in found] == values
