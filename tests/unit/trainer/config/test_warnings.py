"""What a config allows and will not learn from is said when it is read."""

import pytest

from tests.support.training import config
from trainer.losses.sigmoid import SigmoidConfig, fitting_bias
from trainer.models.joint_loss import JointLoss

BATCH = {"batch_size": 256}


def warned(**loss) -> list[str]:
    return config(loss=loss, training=BATCH).warnings()


def test_the_bias_fits_the_batch():
    # A row of 256 pairs has one match: ln(1/255) = -5.541.
    layer = JointLoss(SigmoidConfig(name="sigmoid"), 256)
    assert layer.bias is not None
    assert layer.bias.numpy() == pytest.approx(-5.541, abs=1e-3)
    # Given pairs with three mismatches each: ln(1/3) = -1.0986.
    given = SigmoidConfig(name="sigmoid", pairs="given", sampled_mismatches=3)
    assert fitting_bias(given, 256) == pytest.approx(-1.0986, abs=1e-4)


def test_a_bias_is_judged_by_the_fitting_one():
    assert warned(name="sigmoid") == []
    # ln 10 = 2.303 is the most it may be off.
    assert warned(name="sigmoid", bias=-7.8) == []
    assert warned(name="sigmoid", bias=-10) == [
        "loss.bias = -10 does not fit training.batch_size = 256: -5.54 does, and is taken if "
        "loss.bias is left out"
    ]


def test_a_pairwise_loss_that_collapses_over_the_whole_matrix_is_named():
    assert warned(name="hinge", pairs="all") == [
        "loss.pairs: all with loss.name = hinge weighs 255 mismatches against each match, and both "
        "towers collapse to one point: set loss.pairs: given with loss.sampled_mismatches: 1, or "
        "take loss.name: triplet"
    ]
    [sentence] = warned(name="cosine_embedding", pairs="all")
    assert "loss.name = cosine_embedding weighs 255 mismatches" in sentence


@pytest.mark.parametrize(
    "loss",
    [
        {"name": "hinge"},
        {"name": "triplet"},
        {"name": "cosine_embedding", "pairs": "all", "margin": 0.3},  # mismatches may stay apart
        {"name": "cosine_embedding", "pairs": "all", "positive_weight": 255.0},  # evened out
    ],
)
def test_others_are_not(loss):
    assert warned(**loss) == []


@pytest.mark.parametrize(
    ("key", "sections"),
    [
        ("training.chunk_size = 4", {"training": {"xla": True, "chunk_size": 4}}),
        ("loss.block = 5", {"training": {"xla": True}, "loss": {"name": "sigmoid", "block": 5}}),
    ],
)
def test_xla_is_refused_by_key_where_it_cannot_compile(key, sections):
    towers = {"image_tower": {"kind": "conv"}, "text_tower": {"kind": "bag"}}
    with pytest.raises(ValueError, match=f"training.xla: true does not go with {key}"):
        config(model=towers, **sections)
    sections["training"]["xla"] = "auto"
    config(model=towers, **sections)
