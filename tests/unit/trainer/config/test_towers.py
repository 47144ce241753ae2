"""What a config may say of the towers, and the sentences where it may not."""

import pytest

from tests.support.changed_config import load_changed, refusal

IMAGE_KINDS = {
    "conv": {},
    "convnet": {},
    "vit": {},
    "keras_application": {"name": "MobileNet"},
    "keras_hub": {"name": "ViTBackbone"},
}
TEXT_KINDS = {"lstm": {}, "bag": {}, "transformer": {}, "keras_hub": {"name": "BertBackbone"}}
LOSSES = {
    **{key: {} for key in ("cosine_embedding", "hinge", "sigmoid", "info_nce", "triplet")},
    "custom": {"function": "tests.support.losses.x"},
}


def hub(**values) -> dict:
    return {"kind": "keras_hub", **values}


@pytest.mark.parametrize("key", ["image_tower", "text_tower"])
@pytest.mark.parametrize("wrong", [{"sise": 3}, {"rate": 0}])
def test_a_refusal_names_the_key_and_not_the_kind(tmp_path, key, wrong):
    payload = {
        "sise": f"model.{key}.sise is not a key of the config",
        "rate": f"model.{key}.rate = 0: ",
    }
    [sentence] = [payload[name] for name in wrong]
    for kind, needed in (IMAGE_KINDS if key == "image_tower" else TEXT_KINDS).items():
        tower = {"kind": kind, **needed, **wrong}
        assert refusal(tmp_path, **{f"model__{key}": tower}).startswith(sentence)


@pytest.mark.parametrize(("name", "needed"), LOSSES.items())
def test_so_does_one_of_a_loss(tmp_path, name, needed):
    found = refusal(tmp_path, loss={"name": name, **needed, "sise": 3})
    assert found == "loss.sise is not a key of the config"


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            {"image_tower": {"kind": "keras_application", "name": "MobilNet"}},
            "model.image_tower.name: 'MobilNet' is not a model of keras.applications; the nearest "
            "are MobileNet, ",
        ),
        (
            {"text_tower": hub(name="BertBackbones")},
            "model.text_tower.name: 'BertBackbones' is not a backbone of KerasHub for texts; the ",
        ),
        (
            {"image_tower": hub(name="BertBackbone")},
            "model.image_tower.name: 'BertBackbone' is not a backbone of KerasHub for images",
        ),
        ({"text_tower": hub()}, "model.text_tower: keras_hub needs either name or preset"),
        (
            {"text_tower": hub(name="BertBackbone", preset="./x")},
            "model.text_tower: keras_hub needs either name or preset",
        ),
        (
            {"text_tower": hub(preset="./x", arguments={"num_layers": 2})},
            "model.text_tower: arguments belong to name; a preset brings its own",
        ),
        (
            {"text_tower": hub(preset="hf://x/y")},
            "model.text_tower: preset = 'hf://x/y' is an address; nothing is downloaded",
        ),
        (
            {"image_tower": {"kind": "keras_application", "name": "VGG16", "weights": "w.npz"}},
            "model.image_tower: weights = 'w.npz' is not a file that ends in .h5",
        ),
        (
            {"image_tower": {"kind": "keras_application", "name": "Xception"}},
            "model.image_tower.name = Xception needs image.size of at least 71; it is 32",
        ),
        (
            {"text_tower": hub(name="BertBackbone", arguments={"vocabulary_size": 3999})},
            "model.text_tower.arguments.vocabulary_size = 3999 cannot hold text.vocabulary_size",
        ),
        (
            {"text_tower": hub(name="BertBackbone", arguments={"max_sequence_length": 8})},
            "model.text_tower.arguments.max_sequence_length = 8 cannot hold text.max_tokens = ",
        ),
        (
            {"image_tower": {"kind": "conv", "train": "frozen"}},
            "model.image_tower.train = frozen needs weights: give weights",
        ),
        (
            {"image_tower": {"kind": "keras_application", "name": "VGG16", "train": "frozen"}},
            "model.image_tower.train = frozen needs weights: give weights",
        ),
        (
            {"text_tower": hub(name="BertBackbone", train="frozen")},
            "model.text_tower.train = frozen needs weights: give weights or a preset",
        ),
        (
            {"text_tower": {"kind": "transformer", "train": "lora"}},
            "model.text_tower.train = lora needs weights: give weights",
        ),
        (
            {"text_tower": {"kind": "bag", "train": "head", "weights": "release:r", "lora": {}}},
            "model.text_tower.lora needs model.text_tower.train: lora; it is head",
        ),
        (
            {"text_tower": {"kind": "bag", "layers": {"last": 1}}},
            "model.text_tower.layers needs model.text_tower.train: layers; it is full",
        ),
        (
            {
                "text_tower": {
                    **{"kind": "transformer", "weights": "release:r", "train": "layers"},
                    "layers": {"last": 3},
                }
            },
            "model.text_tower.layers.last = 3, but transformer has 2 blocks",
        ),
        (
            {
                "image_tower": {
                    **{"kind": "efficientnet_lite", "weights": "release:r", "train": "layers"},
                    "layers": {"last": 17},
                }
            },
            "model.image_tower.layers.last = 17, but EfficientNet-Lite0 has 16 blocks",
        ),
        (
            {
                "text_tower": {
                    **{"kind": "minilm", "weights": "release:r", "train": "layers"},
                    **{"sizes": {"layers": 1}},
                }
            },
            "model.text_tower.layers.last = 2, but minilm has 1 block",
        ),
        (
            {"image_tower": {"kind": "convnet", "weights": "release:r", "train": "lora"}},
            "model.image_tower.lora.targets: no layer of convnet that can have an adapter is named "
            "*; none can",
        ),
        (
            {"text_tower": {"kind": "bag", "weights": "release:r", "train": "layers"}},
            "model.text_tower.train = layers: no blocks are recognised in bag; train it in another "
            "way: full, head, frozen or lora",
        ),
        (
            {
                "image_tower": {
                    **{"kind": "vit", "weights": "release:r", "train": "lora"},
                    "lora": {"targets": ["mlp_*", "query"]},
                }
            },
            "model.image_tower.lora.targets: no layer of vit that can have an adapter is named "
            "query; there are attention_out, mlp_hidden, mlp_out, patches, qkv",
        ),
        (
            {"text_tower": {"kind": "bag", "train": "frozen", "weights": "release:r", "rate": 0.5}},
            "model.text_tower.rate = 0.5 and model.text_tower.train = frozen contradict each ",
        ),
        (
            {
                "image_tower": {
                    **{"kind": "keras_application", "name": "VGG16"},
                    **{"weights": "cache:coco"},
                }
            },
            "model.image_tower: weights = 'cache:coco': of Keras's cache only cache:imagenet",
        ),
        (
            {"image_tower": {"kind": "conv", "weights": "package:some"}},
            "model.image_tower: weights = 'package:some' is nothing that conv can start with; it "
            "takes release:",
        ),
        (
            {"image_tower": {"kind": "efficientnet_lite", "weights": "hub:some"}},
            "model.image_tower: 'hub:some' begins with none of package:, release:, cache:; write "
            "./hub:some if it is a file",
        ),
        (
            {"image_tower": {"kind": "conv", "weights": "release:"}},
            "model.image_tower: 'release:' names nothing behind the colon",
        ),
    ],
)
def test_refusals(tmp_path, model, sentence):
    assert refusal(tmp_path, **{f"model__{k}": v for k, v in model.items()}).startswith(sentence)


BOTH = {
    "image_tower": {"kind": "conv", "train": "frozen", "weights": "release:r"},
    "text_tower": {"kind": "bag", "train": "frozen", "weights": "release:r"},
}


def test_both_frozen_leave_only_what_the_loss_learns(tmp_path):
    changes = {f"model__{key}": tower for key, tower in BOTH.items()}
    assert refusal(tmp_path, loss={"name": "triplet"}, **changes) == (
        "model.image_tower.train = frozen and model.text_tower.train = frozen leave nothing to "
        "learn: loss.name = triplet learns nothing by itself"
    )
    load_changed(tmp_path, loss={"name": "info_nce"}, **changes)
    # The new projection behind a frozen preset learns.
    changes["model__text_tower"] = hub(preset="./p", train="frozen")
    load_changed(tmp_path, loss={"name": "triplet"}, **changes)


@pytest.mark.parametrize(
    ("tower", "name"),
    [
        ({"kind": "convnet"}, "convnet"),
        ({"kind": "keras_application", "name": "MobileNet"}, "MobileNet"),
        ({"kind": "keras_application", "name": "ConvNeXtTiny"}, None),
        ({"kind": "keras_application", "name": "VGG16"}, None),
        (hub(name="ResNetBackbone"), "ResNetBackbone"),
        (hub(name="ViTBackbone"), None),
        ({"kind": "convnet", "train": "frozen", "weights": "release:r"}, None),
    ],
)
def test_chunks_need_a_tower_that_looks_at_one_image_at_a_time(tmp_path, tower, name):
    changes = {"model__image_tower": tower, "training__chunk_size": 8}
    if name is None:
        assert load_changed(tmp_path, **changes).training.chunk_size == 8
    else:
        assert f"batch normalisation, which {name} has" in refusal(tmp_path, **changes)
