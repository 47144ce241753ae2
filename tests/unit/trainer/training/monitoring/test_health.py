import dataclasses
from typing import Any

import numpy as np
import pytest

from trainer.training.monitoring.health import CLAMPED_LOOKS, Look, Trouble, spread

HEALTHY = Look(
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
    trouble = Trouble()
    assert [trouble.judge(HEALTHY) for _ in range(10)] == [None] * 10


@pytest.mark.parametrize("tower", ["image", "text"])
def test_collapse_names_the_tower(tower):
    image, text = (0.001, 0.9) if tower == "image" else (0.9, 0.001)
    look = dataclasses.replace(HEALTHY, image_spread=image, text_spread=text)
    assert Trouble().judge(look) == (
        f"the {tower} tower gives all records nearly the same embedding (spread 0.001, healthy is "
        "near 1): a lower training.learning_rate, a longer training.warmup_steps or another loss "
        "may help"
    )
    assert Trouble().judge(dataclasses.replace(look, done=0.1)) is None


@pytest.mark.parametrize(
    ("tower", "what"),
    [("image", "images have the same pixels"), ("text", "captions have the same word pieces")],
)
def test_data_that_are_all_alike_are_not_the_networks_fault(tower, what):
    changes: dict[str, Any] = {f"{tower}_spread": 0.0, f"{tower}s_alike": True}
    look = dataclasses.replace(HEALTHY, **changes)
    assert Trouble().judge(look) == (
        f"all {what} in the 500 records that are held out, so that nothing can be ranked: the data "
        "must be mended, not the networks"
    )


def test_embeddings_that_are_no_numbers_are_no_good():
    look = dataclasses.replace(HEALTHY, text_spread=float("nan"))
    assert str(Trouble().judge(look)).startswith("the text tower gives all records")


def test_a_scale_that_stays_at_its_clamp():
    trouble = Trouble()
    high = dataclasses.replace(HEALTHY, scale=1.0)
    assert [trouble.judge(high) for _ in range(CLAMPED_LOOKS - 1)] == [None] * (CLAMPED_LOOKS - 1)
    assert trouble.judge(HEALTHY) is None  # it has left it, so that counting begins anew
    told = [trouble.judge(high) for _ in range(CLAMPED_LOOKS)]
    assert told[:-1] == [None] * (CLAMPED_LOOKS - 1)
    assert str(told[-1]).startswith("the logit scale stands at its largest value")


def test_a_recall_below_chance():
    # Of 500 candidates 10 are found by chance in 0.02; three deviations are
    # 3 sqrt(0.02 * 0.98 / 500) = 0.0188, so that 0.001 is too little and 0.002 is not.
    low = dataclasses.replace(HEALTHY, recall_at_10=0.001)
    assert Trouble().judge(low) == (
        "recall@10 on 500 images of the evaluated split is 0.001, below the 0.020 of guessing: "
        "captions may be paired with the wrong images, or labels turned around"
    )
    assert Trouble().judge(dataclasses.replace(HEALTHY, recall_at_10=0.002)) is None
    assert Trouble().judge(dataclasses.replace(low, done=0.4)) is None
    assert Trouble().judge(dataclasses.replace(low, candidates=99)) is None


def test_few_texts_have_another_chance_and_are_less_sure():
    # Ten texts, each of 50 of 500 images: chance is about 1 - 0.9^10 = 0.651, and three deviations
    # are 3 sqrt(0.651 * 0.349 / 10) = 0.452, so that 0.19 is too little and 0.2 is not.
    few = dataclasses.replace(HEALTHY, chance=0.651, queries=10)
    assert "below the 0.651 of guessing" in str(
        Trouble().judge(dataclasses.replace(few, recall_at_10=0.19))
    )
    assert Trouble().judge(dataclasses.replace(few, recall_at_10=0.2)) is None
