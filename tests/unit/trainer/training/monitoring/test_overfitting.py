"""When a run is called overfitted: by its numbers, and in runs that do and do not."""

import logging

import pytest

from tests.support.training import TOKENS, config, trained, write_records
from trainer.training.monitoring.overfitting import judge


def test_less_than_half_of_what_was_learned_carries_over():
    # Of 182 images guessing finds 10/182 = 0.055. Learned: 0.98 - 0.055 = 0.925, half of it 0.4625:
    # 0.5174 or less is too little.
    assert judge(0.98, 0.18, 182) == (
        "overfitting: recall@10 is 0.980 among 182 images that were learned from, but 0.180 among "
        "182 held out, where guessing gives 0.055; fewer training.epochs, dropout in the towers, "
        "stronger augment, more records, a smaller tower or one with pretrained weights may help"
    )
    assert judge(0.98, 0.517, 182) is not None
    assert judge(0.98, 0.518, 182) is None


def test_networks_that_learned_little_do_not_overfit():
    # 0.35 is 0.295 above guessing, which is less than 0.3; 0.36 is enough.
    assert judge(0.35, 0.06, 182) is None
    assert judge(0.36, 0.06, 182) is not None
    assert judge(1.0, 1.0, 50) is None


@pytest.mark.parametrize("overfits", [True, False])
def test_a_run_says_so_at_its_end(tmp_path, caplog, overfits):
    # Captions that tell the kind of their image carry over; random ones can be learned by heart.
    telling = 0 if overfits else TOKENS
    files = write_records(tmp_path / "data", 60, 0, telling)
    others = write_records(tmp_path / "others", 60, 1, telling)
    told = config(
        model={
            "image_tower": {"kind": "conv", "filters": 16},
            "text_tower": {"kind": "bag", "width": 32},
            "embedding_dim": 32,
        },
        augment={"shift": 0.0, "zoom": 0.0, "stretch": 0.0, "brightness": 0.0, "contrast": 0.0},
        training={"epochs": 60, "learning_rate": 0.01, "checkpoint_steps": 0},
    )
    with caplog.at_level(logging.WARNING):
        trained(told, files, tmp_path, held_out=others)
    assert ("overfitting: recall@10 is" in caplog.text) == overfits
