"""Health checks by the numbers they get, and runs that overfit or do not."""

import dataclasses
import logging
from typing import Any

import numpy as np
import pytest

from tests.support.training import TOKENS, config, trained, write_records
from trainer.training.monitoring.health import (
    CLAMPED_IN_A_ROW,
    HealthChecks,
    Measurement,
    compare_recalls,
    spread,
)

HEALTHY = Measurement(
    done=0.9,
    image_spread=0.9,
    text_spread=0.9,
    recall_at_10=0.5,
    chance=0.02,
    candidates=500,
    queries=500,
    scale=0.2,
)


def test_the_spread_of_known_vectors():
    assert spread(np.array([[3.0, 4.0], [0.3, 0.4]])) == pytest.approx(0)  # one direction
    assert spread(np.eye(4)) == pytest.approx(0.75)  # 1 - 4 (1/4)^2
    assert spread(np.array([[1.0, 0], [-2, 0]])) == pytest.approx(1)
    assert spread(np.zeros((3, 2))) == 1  # no direction at all; the loss tells of that


def test_a_healthy_run_goes_on():
    checks = HealthChecks()
    assert [checks.check(HEALTHY) for _ in range(10)] == [None] * 10


@pytest.mark.parametrize("tower", ["image", "text"])
def test_collapse_names_the_tower(tower):
    image, text = (0.001, 0.9) if tower == "image" else (0.9, 0.001)
    measurement = dataclasses.replace(HEALTHY, image_spread=image, text_spread=text)
    assert HealthChecks().check(measurement) == (
        f"the {tower} tower gives all records nearly the same embedding (spread 0.001, healthy is "
        "near 1): a lower training.learning_rate, a longer training.warmup_steps or another loss "
        "may help"
    )
    assert HealthChecks().check(dataclasses.replace(measurement, done=0.1)) is None


@pytest.mark.parametrize(
    ("tower", "what"),
    [("image", "images have the same pixels"), ("text", "captions have the same tokens")],
)
def test_data_that_are_all_alike_are_not_the_networks_fault(tower, what):
    changes: dict[str, Any] = {f"{tower}_spread": 0.0, f"{tower}s_alike": True}
    measurement = dataclasses.replace(HEALTHY, **changes)
    assert HealthChecks().check(measurement) == (
        f"all {what} in the 500 records that are held out, so that nothing can be ranked: correct "
        "the data, the networks are not the cause"
    )


def test_embeddings_that_are_no_numbers_are_no_good():
    measurement = dataclasses.replace(HEALTHY, text_spread=float("nan"))
    assert str(HealthChecks().check(measurement)).startswith("the text tower gives all records")


def test_a_scale_that_stays_at_its_clamp():
    checks = HealthChecks()
    high = dataclasses.replace(HEALTHY, scale=1.0)
    assert [checks.check(high) for _ in range(CLAMPED_IN_A_ROW - 1)] == [None] * (
        CLAMPED_IN_A_ROW - 1
    )
    assert checks.check(HEALTHY) is None  # it has left it, so that counting begins anew
    problems = [checks.check(high) for _ in range(CLAMPED_IN_A_ROW)]
    assert problems[:-1] == [None] * (CLAMPED_IN_A_ROW - 1)
    assert str(problems[-1]).startswith("the logit scale stays at its largest value")


def test_a_recall_below_chance():
    # Of 500 candidates 10 are found by chance in 0.02; three deviations are
    # 3 sqrt(0.02 * 0.98 / 500) = 0.0188, so that 0.001 is too little and 0.002 is not.
    low = dataclasses.replace(HEALTHY, recall_at_10=0.001)
    assert HealthChecks().check(low) == (
        "recall@10 on 500 images of the evaluated split is 0.001, below chance, 0.020: "
        "captions may be paired with the wrong images, or labels be swapped"
    )
    assert HealthChecks().check(dataclasses.replace(HEALTHY, recall_at_10=0.002)) is None
    assert HealthChecks().check(dataclasses.replace(low, done=0.4)) is None
    assert HealthChecks().check(dataclasses.replace(low, candidates=99)) is None


def test_few_texts_have_another_chance_and_are_less_sure():
    # Ten texts, each of 50 of 500 images: chance is about 1 - 0.9^10 = 0.651, and three deviations
    # are 3 sqrt(0.651 * 0.349 / 10) = 0.452, so that 0.19 is too little and 0.2 is not.
    few = dataclasses.replace(HEALTHY, chance=0.651, queries=10)
    assert "below chance, 0.651" in str(
        HealthChecks().check(dataclasses.replace(few, recall_at_10=0.19))
    )
    assert HealthChecks().check(dataclasses.replace(few, recall_at_10=0.2)) is None


def test_less_than_half_of_what_was_learned_carries_over():
    # Of 182 images chance finds 10/182 = 0.055. Learned: 0.98 - 0.055 = 0.925, half of it 0.4625:
    # 0.5174 or less is too little.
    assert compare_recalls(0.98, 0.18, 182) == (
        "overfitting: recall@10 is 0.980 among 182 training images, but 0.180 among 182 held-out "
        "ones (chance is 0.055); fewer training.epochs, dropout in the towers, stronger augment, "
        "more records, a smaller tower or one with pretrained weights may help"
    )
    assert compare_recalls(0.98, 0.517, 182) is not None
    assert compare_recalls(0.98, 0.518, 182) is None


def test_networks_that_learned_little_do_not_overfit():
    # 0.35 is 0.295 above chance, which is less than 0.3; 0.36 is enough.
    assert compare_recalls(0.35, 0.06, 182) is None
    assert compare_recalls(0.36, 0.06, 182) is not None
    assert compare_recalls(1.0, 1.0, 50) is None


@pytest.mark.parametrize("overfits", [True, False])
def test_a_run_says_so_at_its_end(tmp_path, caplog, overfits):
    # Captions that tell the kind of their image carry over; random ones can be learned by heart.
    telling = 0 if overfits else TOKENS
    files = write_records(tmp_path / "data", 60, 0, telling)
    others = write_records(tmp_path / "others", 60, 1, telling)
    settings = config(
        model={
            "image_tower": {"kind": "conv", "filters": 16},
            "text_tower": {"kind": "bag", "width": 32},
            "embedding_dim": 32,
        },
        augment={"shift": 0.0, "zoom": 0.0, "stretch": 0.0, "brightness": 0.0, "contrast": 0.0},
        training={"epochs": 60, "learning_rate": 0.01, "checkpoint_steps": 0},
    )
    with caplog.at_level(logging.WARNING):
        trained(settings, files, tmp_path, held_out=others)
    assert ("overfitting: recall@10 is" in caplog.text) == overfits
