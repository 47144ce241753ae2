"""What `training.start: correlated` needs, and the sentences where that is not given."""

import pytest

from tests.support.changed_config import refusal

OTHER = (
    "training.start = correlated needs model.{key}.train: frozen with weights that are not those "
    "of a release, and no model.{key}.head: it is about a new head of one layer on features that "
    "stay"
)
HUB = {"kind": "keras_hub", "preset": "./folder", "train": "frozen"}


@pytest.mark.parametrize(
    ("towers", "key"),
    [
        ({}, "image_tower"),
        ({"image_tower": {**HUB, "train": "head"}}, "image_tower"),
        ({"image_tower": {**HUB, "head": {"hidden": 8}}}, "image_tower"),
        ({"image_tower": HUB}, "text_tower"),
    ],
)
def test_it_needs_two_frozen_towers_with_new_heads_of_one_layer(tmp_path, towers, key):
    changed = {f"model__{name}": tower for name, tower in towers.items()}
    assert refusal(tmp_path, **changed, training__start="correlated") == OTHER.format(key=key)


def test_names_of_classes_need_a_vocabulary(tmp_path):
    lite = {"kind": "efficientnet_lite", "classes": True}
    assert refusal(tmp_path, model__image_tower=lite).startswith(
        "model.image_tower.classes needs model.image_tower.weights"
    )
    frozen = {"weights": "./file.pth", "train": "frozen"}
    towers = {"model__image_tower": {**lite, **frozen}, "model__text_tower": HUB}
    assert refusal(tmp_path, **towers, training__start="correlated") == (
        "training.start = correlated with model.image_tower.classes needs text.vocabulary: the "
        "names of the classes are texts, too"
    )
