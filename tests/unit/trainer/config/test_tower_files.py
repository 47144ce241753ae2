"""The files that towers and the vocabulary name, and how a run asks for them first."""

import json
from typing import Any

import pytest

from pipeline.config.load_to_train import load_to_train
from pipeline.config.run_config import load
from schema.errors import ConfigError
from tests.support.changed_config import load_changed, refusal
from trainer.config.config_paths import named_files

PIECES = ["[PAD]", "[CLS]", "[UNK]", "[SEP]", *"abcdefghijklmnop"]


def test_paths_are_beside_the_config_and_names_of_a_library_are_not(tmp_path):
    changes: dict[str, Any] = {
        "text__vocabulary": "vocab.txt",
        "model__image_tower": {
            "kind": "keras_application",
            "name": "VGG16",
            "weights": "weights/vgg.h5",
        },
        "model__text_tower": {
            **{"kind": "keras_hub", "preset": "./bert"},
            "weights": "release:/abs/releases/3",
        },
    }
    assert named_files(load_changed(tmp_path, **changes)) == {
        "text.vocabulary": f"{tmp_path}/vocab.txt",
        "model.image_tower.weights": f"{tmp_path}/weights/vgg.h5",
        "model.text_tower.preset": f"{tmp_path}/bert",
        "model.text_tower.weights": "/abs/releases/3",
    }
    changes["model__image_tower"]["weights"] = "cache:imagenet"
    changes["model__text_tower"] = {"kind": "keras_hub", "preset": "bert_tiny_en_uncased"}
    changes["text__vocabulary"] = "gs://bucket/vocab.txt"
    config = load_changed(tmp_path, **changes)
    assert named_files(config) == {"text.vocabulary": "gs://bucket/vocab.txt"}
    assert config.model.image_tower.model_dump()["weights"] == "cache:imagenet"


def to_train(tmp_path, **changes) -> str:
    load_changed(tmp_path, **changes)  # which looks at no file, for a rollback needs none
    with pytest.raises(ConfigError) as caught:
        load_to_train(tmp_path / "config.yaml")
    return str(caught.value).removeprefix(f"{tmp_path}/config.yaml: ")


def test_a_run_asks_for_its_files_first(tmp_path):
    found = to_train(tmp_path, model__text_tower={"kind": "bag", "weights": "release:releases/3"})
    assert found == f"model.text_tower.weights = {tmp_path}/releases/3: no such file or folder"


def test_a_run_asks_for_releases_and_retained_data_first(tmp_path):
    there = load_changed(tmp_path, model__image_tower={"kind": "conv"}).model_dump(mode="json")
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "config.json").write_text(json.dumps(there))
    found = to_train(tmp_path, model__image_tower={"kind": "convnet", "weights": "release:3"})
    assert found == (
        f"model.image_tower.weights: {tmp_path}/3 is not a tower of this kind and size: "
        "model.image_tower.kind is conv there and convnet here"
    )
    found = to_train(tmp_path, data__retain={"noto": {"path": "old", "files": "*.tar"}})
    assert found == f"data.retain.noto: {tmp_path}/old: is not there"
    found = to_train(tmp_path, data__retain={"v4": {"release": "4"}})
    assert found.startswith(f"data.retain.v4.release: {tmp_path}/4 is not a release")


@pytest.mark.parametrize(
    ("pieces", "text", "sentence"),
    [
        (["[UNK]", "a"], {}, "its first line is '[UNK]'; it must be [PAD], as 0 is padding"),
        (["[PAD]", "a"], {}, "lacks '[UNK]', which a vocabulary needs"),
        (PIECES, {"start_token": "[BOS]"}, "lacks '[BOS]', which text.start_token needs"),
        ([*PIECES, "a"], {}, "line 21 repeats 'a' of line 5"),
        (PIECES, {"vocabulary_size": 19}, "holds 20 pieces, more than text.vocabulary_size = 19"),
    ],
)
def test_vocabularies_that_cannot_be_used(tmp_path, pieces, text, sentence):
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n")
    found = to_train(tmp_path, text={"vocabulary": "vocab.txt", "vocabulary_size": 40, **text})
    place = f"text.vocabulary = {tmp_path}/vocab.txt"
    assert found.removeprefix(place).lstrip(": ") == sentence


def test_a_vocabulary_that_can(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    around = {"start_token": "[CLS]", "end_token": "[SEP]"}
    text = {"vocabulary": "vocab.txt", "vocabulary_size": 20, **around}
    load_changed(tmp_path, text=text, model__text_tower={"kind": "bag"})
    assert load_to_train(tmp_path / "config.yaml") == load(tmp_path / "config.yaml")


def test_pieces_around_a_caption(tmp_path):
    assert refusal(tmp_path, text={"start_token": "[CLS]"}) == (
        "text: start_token needs vocabulary: a learned one does not hold it"
    )
    around = {"vocabulary": "v", "start_token": "[CLS]", "end_token": "[SEP]"}
    assert refusal(tmp_path, text={**around, "max_tokens": 2}) == (
        "text: max_tokens = 2 leaves no place for a caption"
    )
