"""The evaluation sections that a config may have."""

import pytest
from pydantic import ValidationError

from components.evaluator.config import EvaluationConfig, Gate, ZeroShotConfig

RECALL = "text_to_image_recall_at_1"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metric": "recall"}, "metric = 'recall' is none of equal_caption_share, "),
        ({"metric": RECALL}, "a gate needs exactly one of at_least, at_most, not_worse_than"),
        ({"metric": RECALL, "at_least": 0.1, "at_most": 0.2}, "a gate needs exactly one of"),
        (
            {"metric": RECALL, "at_least": 0.1, "minimum_count": 5},
            "minimum_count is for the values of a slice, and slice is missing",
        ),
        ({"metric": RECALL, "not_worse_than_baseline_by": -0.1}, "greater than or equal to 0"),
    ],
)
def test_gates_that_make_no_sense(values, message):
    with pytest.raises(ValidationError) as caught:
        Gate(**values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"gates": (Gate(metric=RECALL, at_least=0.1, slice="colour"),)},
            "gates.0.slice = 'colour' must be listed in slices too",
        ),
        (
            {"gates": (Gate(metric="zero_shot_top_1", at_least=0.1),)},
            "gates.0.metric = 'zero_shot_top_1' needs zero_shot",
        ),
        ({"slices": ("vendor", "vendor")}, "slices = ['vendor', 'vendor'] names one of them twice"),
        ({"resamples": 99}, "greater than or equal to 100"),
        ({"confidence": 1.0}, "less than 1"),
        ({"gates": ()}, "at least 1 item"),
    ],
)
def test_evaluations_that_make_no_sense(values, message):
    with pytest.raises(ValidationError) as caught:
        EvaluationConfig(**{"gates": (Gate(metric=RECALL, at_least=0.1),), **values})
    assert message in str(caught.value)


@pytest.mark.parametrize("template", ["a picture", "{} and {}", ""])
def test_a_template_has_one_place_for_the_class(template):
    with pytest.raises(ValidationError) as caught:
        ZeroShotConfig(attribute="category", templates=("{}", template))
    assert f"templates: {template!r} must hold {{}} exactly once" in str(caught.value)
