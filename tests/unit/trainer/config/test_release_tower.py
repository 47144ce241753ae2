"""A tower that starts from a release of another kind or size is refused before the run."""

import json
from pathlib import Path
from typing import Any

import pytest

from schema.errors import InputError
from tests.support.training import config
from trainer.config import release_tower

BLOCKS = {"width": 12, "heads": 3}
VIT = {"kind": "vit", "patch": 4, "depth": 2, **BLOCKS}
LITE = {"kind": "efficientnet_lite"}
HUB = {"kind": "keras_hub", "name": "BertBackbone"}
BERT = {"kind": "minilm"}


def refusal(folder: Path, there: dict[str, Any], here: dict[str, Any], place: str = "3") -> str:
    """What is said of a run that starts both towers from a release; '' if nothing is."""
    (folder / "3" / "image_tower" / "1").mkdir(parents=True)
    theirs = {"kubeflow": None, **config(**there).model_dump(mode="json")}
    (folder / "3" / "config.json").write_text(json.dumps(theirs))
    run = config(**here)
    weights = {"weights": f"release:{folder}/{place}"}
    towers = {key: tower.model_copy(update=weights) for key, tower in run.model.towers}
    model = run.model.model_copy(update=towers)
    try:
        release_tower.check(run.model_copy(update={"model": model}))
    except InputError as error:
        return str(error)
    return ""


def of(image: dict[str, Any], **model: Any) -> dict[str, Any]:
    return {"model": {"image_tower": image, **model}}


def of_text(text: dict[str, Any]) -> dict[str, Any]:
    return {"model": {"text_tower": text}}


@pytest.mark.parametrize(
    ("there", "here", "difference"),
    [
        (of(VIT), of({"kind": "conv"}), "image_tower.kind is vit there and conv here"),
        (of(VIT), of({**VIT, "depth": 3}), "image_tower.depth is 2 there and 3 here"),
        (of(VIT), of(VIT, embedding_dim=7), "embedding_dim is 6 there and 7 here"),
        (of(VIT), of({**VIT, "heads": 4}), "image_tower.heads is 3 there and 4 here"),
        (
            of_text({**BERT, "sizes": {"pooling": "first"}}),
            of_text(BERT),
            "text_tower.sizes is {'layers': 6, 'width': 384, 'heads': 12, 'hidden': 1536, "
            "'positions': 512, 'epsilon': 1e-12, 'pooling': 'first'} there and None here; "
            "model.text_tower.sizes.pooling is first there and mean here",
        ),
        (
            of_text({"kind": "bag", "head": {"hidden": 4}}),
            of_text({"kind": "bag"}),
            "text_tower.head is {'hidden': 4, 'dropout': 0.5} there and None here",
        ),
    ],
)
def test_what_decides_on_its_weights_is_named(tmp_path, there, here, difference):
    key = "text_tower" if difference.startswith("text") else "image_tower"
    assert refusal(tmp_path, there, here) == (
        f"model.{key}.weights: {tmp_path}/3 is not a tower of this kind and size: "
        f"model.{difference}"
    )


def test_another_tokenizer_gives_the_same_vocabulary_other_ids(tmp_path):
    """With and without [CLS] and [SEP] around a text."""
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[CLS]\n[UNK]\n[SEP]\na\n")
    there = {"text": {"tokenizer": "bert", "vocabulary": str(vocabulary)}}
    here = {"text": {"tokenizer": "word_pieces", "vocabulary": str(vocabulary)}}
    assert refusal(tmp_path, there, here) == (
        f"model.text_tower.weights: {tmp_path}/3 is not a tower of this kind and size: "
        "text.tokenizer is bert there and word_pieces here"
    )


def test_the_sizes_of_a_release_may_be_those_of_a_folder(tmp_path):
    """It pools by the first token, which no weight shows."""
    folder = tmp_path / "bert"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (folder / "config.json").write_text(
        '{"model_type": "bert", "vocab_size": 40, "hidden_size": 384, "num_hidden_layers": 6, '
        '"num_attention_heads": 12, "intermediate_size": 1536, "max_position_embeddings": 512, '
        '"type_vocab_size": 2}'
    )
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    found = refusal(tmp_path, of_text({**BERT, "weights": str(folder)}), of_text(BERT))
    assert found.endswith(": model.text_tower.sizes.pooling is first there and mean here")


def test_a_tower_within_a_release_is_compared_with_the_same_config(tmp_path):
    found = refusal(tmp_path, of(VIT), of({"kind": "conv"}), "3/image_tower/1")
    assert found.endswith("model.image_tower.kind is vit there and conv here")


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (of(VIT), of({**VIT, "patch_dropout": 0.5, "dropout": 0.5})),
        # The mean of a feature map takes images of another size.
        ({**of(LITE), "image": {"size": 64}}, {**of(LITE), "image": {"size": 32}}),
        # Of networks of other libraries, or with weights from elsewhere, the sizes are not known.
        (of_text(HUB), of_text({**HUB, "arguments": {"num_layers": 12, "hidden_dim": 768}})),
        (of_text({**BERT, "weights": "package:small"}), of_text({**BERT, "sizes": {"layers": 2}})),
    ],
)
def test_what_may_fit_is_left_to_the_loading_of_the_weights(tmp_path, there, here):
    assert refusal(tmp_path, there, here) == ""


@pytest.mark.parametrize("content", ["{", "[]", '{"model": 3}', '{"model": {"image_tower": {}}}'])
def test_a_config_of_another_program_says_nothing(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    run = config(**of({**VIT, "weights": f"release:{tmp_path}"}))
    assert run.model.image_tower.release == str(tmp_path)
    release_tower.check(run)  # raises nothing
