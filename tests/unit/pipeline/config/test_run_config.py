"""What a config of a run holds, and how its sections go together."""

from pathlib import Path

import pytest

from pipeline.config.run_config import load
from schema.config.section import canonical_json
from schema.errors import ConfigError
from tests.support.changed_config import load_changed, refusal
from tests.support.paths import EMOJI
from trainer.config.trainer import TrainerConfig

GATE = {"metric": "text_to_image_mrr"}


def test_the_bundled_config_is_good_and_its_paths_are_absolute():
    config = load(EMOJI)
    assert config.data.path == str(EMOJI.parent / "shards")
    assert Path(config.workspace).resolve() == EMOJI.parent.parent.parent / "runs" / "emoji"


def test_the_canonical_json_is_a_round_trip():
    config = load(EMOJI).for_trainer()
    assert type(config) is TrainerConfig
    assert TrainerConfig.model_validate_json(canonical_json(config)) == config


def test_transform_is_told_its_part_whatever_the_towers_are(tmp_path):
    # An odd side suits `conv`; the defaults of sections Transform never sees must not object.
    odd = load_changed(tmp_path, image__size=33, model__image_tower={"kind": "conv"})
    assert odd.for_transform().image.size == 33
    assert set(odd.for_transform().model_dump()) == {"plugins", "image", "text"}


def test_configs_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load(EMOJI).training.epochs = 3  # type: ignore[misc]


def test_slices_may_be_attributes_or_built_in(tmp_path):
    slices = ["vendor", "caption_length", "aspect_ratio"]
    gate = {**GATE, "slice": "caption_length", "minimum_count": 20, "not_worse_than_baseline_by": 0}
    config = load_changed(tmp_path, evaluation__slices=slices, evaluation__gates=[gate])
    assert config.evaluation.slices == tuple(slices)
    assert config.evaluation.gates[0].minimum_count == 20


def test_every_mistake_is_named_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_changed(tmp_path, image__size=-1, training__epochs=0)
    assert str(caught.value) == (
        f"{tmp_path}/config.yaml: image.size = -1: input should be greater than 0; "
        "training.epochs = 0: input should be greater than 0"
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("training__batchsize", "training.batch_size"),
        ("model__image_tower__widht", "model.image_tower.widths"),
        ("evaluation__gates", "evaluation.gates.0.at_least"),
        ("evaluation__zero_shot__attributes", "evaluation.zero_shot.attribute"),
        ("batch_size", "training.batch_size"),  # in another section
        ("slices", "evaluation.slices"),
        ("nothing_like_it", None),
    ],
)
def test_an_unknown_key_gets_the_nearest_one(tmp_path, key, meant):
    in_a_list = key == "evaluation__gates"
    sentence = refusal(tmp_path, **{key: [{**GATE, "at_lest": 1}] if in_a_list else 1})
    path = key.replace("__", ".") + (".0.at_lest" if in_a_list else "")
    nearest = f"; the nearest is {meant}" if meant else ""
    assert sentence == f"{path} is not a key of the config{nearest}"


RELEASE = "serving/releases/1"
FROM_RELEASE = {"weights": f"release:{RELEASE}"}
FROZEN = {**FROM_RELEASE, "train": "frozen"}


@pytest.mark.parametrize(
    ("image", "text", "sentence"),
    [
        ({}, FROM_RELEASE, "model.image_tower does not start from one"),
        (FROM_RELEASE, {}, "model.text_tower does not start from one"),
        (FROM_RELEASE, {"weights": "release:serving/releases/2"}, "start from the same release"),
        (
            {**FROM_RELEASE, "train": "frozen"},
            {**FROM_RELEASE, "train": "frozen"},
            "nothing to mix",
        ),
    ],
)
def test_weights_are_mixed_with_those_of_one_release(tmp_path, image, text, sentence):
    model = {"image_tower": {"kind": "convnet", **image}, "text_tower": {"kind": "bag", **text}}
    assert sentence in refusal(tmp_path, model=model, fine_tune={})


def test_a_gate_of_data_that_are_not_retained_is_refused(tmp_path):
    gates = [{"metric": "text_to_image_mrr", "data": "noto", "at_least": 0.1}]
    message = refusal(tmp_path, evaluation__gates=gates)
    assert message.endswith("evaluation.gates.0.data = 'noto' is none of the names in data.retain: "
                            "it is empty")  # fmt: skip


def test_places_of_retained_data_are_relative_to_the_config_file(tmp_path):
    retain = {"a": {"path": "old", "files": "*.tar"}, "b": {"release": RELEASE}}
    found = load_changed(tmp_path, data__retain=retain).data.retain
    assert found["a"].path == f"{tmp_path}/old"
    assert found["b"].release == f"{tmp_path}/{RELEASE}"
