"""Every refusal names the file, the key's path and what was expected."""

from pathlib import Path

import pytest
import yaml

from pipeline.config.run_config import ConfigError, RunConfig, load
from schema.config.section import canonical_json
from tests.support.paths import EMOJI
from trainer.config.trainer import TrainerConfig

GATE = {"metric": "text_to_image_mrr"}


def load_changed(tmp_path: Path, **changes) -> RunConfig:
    """The emoji config with some keys replaced; 'a.b' reaches into a section, None deletes."""
    values = yaml.safe_load(EMOJI.read_text())
    for path, value in changes.items():
        *sections, key = path.split("__")
        section = values
        for name in sections:
            section = section[name]
        if value is None:
            del section[key]
        else:
            section[key] = value
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(values))
    return load(file)


def refusal(tmp_path: Path, **changes) -> str:
    with pytest.raises(ConfigError) as caught:
        load_changed(tmp_path, **changes)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/config.yaml: ")
    assert "\n" not in message
    return message.removeprefix(f"{tmp_path}/config.yaml: ")


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


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image__sise": 3}, "image.sise is not a key of the config"),
        ({"data__path": None}, "data.path is missing"),
        ({"training__epochs": 0}, "training.epochs = 0: input should be greater than 0"),
        ({"training__epochs": "ten"}, "training.epochs = 'ten': input should be a valid integer"),
        ({"training__epochs": 2.5}, "training.epochs = 2.5: input should be a valid integer"),
        ({"image__size": True}, "image.size = True: input should be a valid integer"),
        ({"image__size": 33}, "image.size = 33 must be even for convnet"),
        ({"image__fit": "zoom"}, "image.fit = 'zoom': input should be 'pad' or 'crop'"),
        (
            {"model__image_tower": {"kind": "resnet"}},
            "model.image_tower.kind = 'resnet' is none of 'conv', 'convnet', 'efficientnet_lite'",
        ),
        (
            {"model__image_tower": {"kind": "vit", "patch": 7}},
            "model.image_tower.patch = 7 does not divide image.size = 32",
        ),
        (
            {"model__image_tower": {"kind": "vit", "width": 100, "heads": 3}},
            "model.image_tower: width = 100 is not divisible by heads = 3",
        ),
        ({"model__text_tower": {"width": 3}}, "model.text_tower.kind is missing"),
        (
            {"model__text_tower": {"kind": "bag", "units": 3}},
            "model.text_tower.units is not a key of the config",
        ),
        (
            {"model__text_tower": {"kind": "lstm", "vocabulary_size": 100}},
            "model.text_tower.vocabulary_size = 100 cannot hold text.vocabulary_size = 4000",
        ),
        ({"loss": {"name": "mse"}}, "loss.name = 'mse' is none of"),
        (
            {"loss": {"name": "hinge", "pairs": "all", "sampled_mismatches": 1}},
            "loss.sampled_mismatches needs loss.pairs: given",
        ),
        (
            {
                "loss": {"name": "hinge", "sampled_mismatches": 4},
                "training": {"batch_size": 4},
            },
            "training.batch_size = 4 is too small: this loss needs at least 5 records",
        ),
        (
            {"model__embedding_dim": 1},
            "model: embedding_dim = 1 with normalize: true makes each embedding 1 or -1",
        ),
        ({"model__normalize": False}, "loss.name = info_nce needs model.normalize: true"),
        (
            {"loss": {"name": "info_nce", "pairs": "given"}},
            "loss.pairs = 'given': input should be 'all'",
        ),
        (
            {"loss": {"name": "triplet"}, "training": {"batch_size": 1}},
            "training.batch_size = 1 is too small: this loss needs at least 2 records",
        ),
        (
            {"loss": {"name": "sigmoid", "pairs": "given", "block": 8}},
            "loss: block = 8 needs pairs: all",
        ),
        (
            {"loss": {"name": "custom", "function": "../up.loss"}},
            "loss.function = '../up.loss': string should match pattern",
        ),
        ({"loss": {"name": "custom", "function": "loss"}}, "loss.function = 'loss'"),
        (
            {"training__chunk_size": 64},
            "training.chunk_size needs an image tower without batch normalisation",
        ),
        (
            {"training": {"batch_size": 64, "chunk_size": 65}},
            "training.chunk_size = 65 is more than training.batch_size = 64",
        ),
        ({"training__seed": -1}, "training.seed = -1: input should be greater than or equal to 0"),
        ({"training__warmup_steps": -1}, "training.warmup_steps = -1: input should be greater"),
        (
            {"training__learning_rate": float("inf")},
            "training.learning_rate = inf: input should be a finite number",
        ),
        (
            {"loss": {"name": "info_nce", "temperature": 2.0}},
            "loss.temperature = 2.0: input should be less than or equal to 1",
        ),
        ({"data__splits": {"eval": "*.tar"}}, "data.splits = ['eval'] lacks the split 'train'"),
        ({"evaluation__split": "test"}, "data.splits = ['eval', 'train'] lacks the split 'test'"),
        (
            {"data__drift": {"split": "test"}},
            "data.drift.split = 'test' is none of ['eval', 'train']",
        ),
        (
            {"data__drift": {"attributes": {"colour": 0.1}}},
            "data.drift.attributes = ['colour'] must be listed in data.attributes too",
        ),
        (
            {"data__drift": {"words": 1.5}},
            "data.drift.words = 1.5: input should be less than or equal to 1",
        ),
        (
            {"evaluation__slices": ["category", "colour"]},
            "evaluation.slices = ['colour'] must be listed in data.attributes too",
        ),
        (
            {"evaluation__slices": ["caption_length"]},
            "evaluation: gates.2.slice = 'category' must be listed in slices too",
        ),
        (
            {"evaluation__zero_shot": {"attribute": "colour"}},
            "evaluation.zero_shot.attribute = 'colour' must be listed in data.attributes too",
        ),
        (
            {"data__attributes": ["category", "aspect_ratio"]},
            "data.attributes = ['aspect_ratio'] is a slice that Diptych has already",
        ),
        ({"index__split": "test"}, "index.split = 'test' is none of ['eval', 'train']"),
        ({"index__at_least": 1.5}, "index.at_least = 1.5: input should be less than or equal"),
        ({"evaluation__gates": []}, "evaluation.gates = []: "),
        (
            {"evaluation__gates": [{"metric": "recall", "at_least": 0.1}]},
            "evaluation.gates.0: metric = 'recall' is none of equal_caption_share, ",
        ),
        (
            {"evaluation__gates": [{"metric": "text_to_image_mrr"}]},
            "evaluation.gates.0: a gate needs exactly one of at_least, at_most, not_worse_than",
        ),
        ({"name": "No Spaces"}, "name = 'No Spaces': string should match pattern"),
    ],
)
def test_refusals(tmp_path, changes, sentence):
    assert refusal(tmp_path, **changes).startswith(sentence)


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
