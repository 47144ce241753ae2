"""Towers of keras.applications and KerasHub, against the libraries themselves."""

import inspect
import json

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils import file_utils

from schema.errors import InputError
from tests.support.training import config
from trainer.config.transform import TextConfig
from trainer.export import initial_weights
from trainer.models.dual_encoder import DualEncoder
from trainer.towers.assembly import build_image_tower, build_text_tower
from trainer.towers.image import keras_application
from trainer.towers.image.keras_application import KerasApplicationConfig
from trainer.towers.image.keras_hub import BATCH_NORM, WITH_CLASS_TOKEN, KerasHubImageConfig
from trainer.towers.layers import BACKBONE, has_batch_norm
from trainer.towers.text.keras_hub import BACKBONES, KerasHubTextConfig

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
TEXT = TextConfig(vocabulary_size=40, max_tokens=6)
BERT = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8}
VIT = {**BERT, "patch_size": 8}
VIT["mlp_dim"] = VIT.pop("intermediate_dim")
DENSE = {"stackwise_num_repeats": [1, 1]}
RANDOM = np.random.default_rng(0)
TOKENS = tf.constant([[3, 4, 5, 0, 0, 0], [7, 0, 0, 0, 0, 0]], tf.int64)


def application(**values) -> KerasApplicationConfig:
    return KerasApplicationConfig(kind="keras_application", **values)


def hub_image(**values) -> KerasHubImageConfig:
    return KerasHubImageConfig.model_validate({"kind": "keras_hub", **values})


def hub_text(**values) -> KerasHubTextConfig:
    return KerasHubTextConfig.model_validate({"kind": "keras_hub", **values})


def pixels(size: int = 32) -> np.ndarray:
    return RANDOM.integers(0, 256, (2, size, size, 3)).astype(np.float32)


def scaled(given: np.ndarray) -> tf.Tensor:
    """As `DualEncoder.embed_images` scales them."""
    return tf.constant(given / 127.5 - 1.0)


def projected(tower: keras.Model, features: np.ndarray) -> np.ndarray:
    kernel, bias = tower.get_layer("projection").get_weights()
    return features @ kernel + bias


def test_the_list_of_applications_is_the_library_s():
    found = {
        name
        for name, each in vars(keras.applications).items()
        if inspect.isfunction(each) and name[0].isupper()
    }
    assert set(keras_application.SMALLEST_IMAGE) == found


@pytest.mark.parametrize(("name", "least"), keras_application.SMALLEST_IMAGE.items())
def test_an_application_takes_no_smaller_image(name, least):
    # It refuses before it makes any layer.
    with pytest.raises(ValueError, match="Input size must be at least"):
        keras_application.build_network(application(name=name), None, least - 1)


def test_the_backbones_are_the_library_s():
    for name in (*BATCH_NORM, *BACKBONES):
        assert issubclass(getattr(keras_hub.models, name), keras_hub.models.Backbone)
    assert set(WITH_CLASS_TOKEN) < set(BATCH_NORM)


def test_an_application_sees_what_its_own_preprocessing_makes():
    tower = build_image_tower(application(name="MobileNetV3Small"), 32, embedding_dim=4)
    network = tower.get_layer(BACKBONE).network
    assert has_batch_norm(tower)
    given = pixels()
    own = keras.applications.mobilenet_v3.preprocess_input(given.copy())
    expected = projected(tower, network(own, training=False).numpy())
    found = tower(scaled(given), training=False).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    wrong = projected(tower, network(given / 127.5, training=False).numpy())
    assert np.abs(wrong - expected).max() > 1e-2 * np.abs(expected).max()


# One of each kind: built in, -1 to 1, ImageNet's statistics, blue first.
@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("EfficientNetV2B0", "efficientnet_v2"),
        ("ResNet50V2", "resnet_v2"),
        ("DenseNet121", "densenet"),
        ("VGG16", "vgg16"),
    ],
)
def test_each_family_has_its_own_preprocessing(name, family, monkeypatch):
    mean = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()])
    monkeypatch.setattr(keras_application, "build_network", lambda *_: mean)
    tower = build_image_tower(application(name=name), 32, embedding_dim=4)
    given = pixels()
    own = getattr(keras.applications, family).preprocess_input(given.copy()).mean((1, 2))
    np.testing.assert_allclose(tower(scaled(given)), projected(tower, own), rtol=1e-3, atol=1e-3)


def test_an_application_starts_with_the_weights_of_a_file(tmp_path):
    told = application(name="MobileNet", weights=str(tmp_path / "some.weights.h5"))
    source = keras_application.build_network(told, None, 32)
    source.save_weights(told.weights)
    network = build_image_tower(told, 32, 4).get_layer(BACKBONE).network
    keras_application.load_weights(told, 32, network)
    for mine, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    other = application(name="VGG16", weights=told.weights)
    with pytest.raises(InputError, match=r"some\.weights\.h5 does not fit VGG16: ") as caught:
        keras_application.load_weights(other, 32, keras_application.build_network(other, None, 32))
    assert "\n" not in str(caught.value)
    absent = application(name="VGG16", weights=str(tmp_path / "absent.h5"))
    with pytest.raises(InputError, match=r"weights = .*absent\.h5: no such file"):
        keras_application.load_weights(absent, 32, network)


def test_imagenet_comes_from_the_cache_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    told = application(name="MobileNet", weights="imagenet")
    network = keras_application.build_network(told, None, 32)
    name = "mobilenet_1_0_224_tf_no_top.h5"
    path = tmp_path / "models" / name
    with pytest.raises(InputError) as caught:
        keras_application.load_weights(told, 32, network)
    assert str(caught.value) == (
        f"model.image_tower.weights = imagenet: nothing is downloaded; put {name} at {path}"
    )
    path.parent.mkdir()
    source = keras_application.build_network(told, None, 32)
    source.save(path)
    keras_application.load_weights(told, 32, network)
    np.testing.assert_array_equal(network.get_weights()[0], source.get_weights()[0])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="weights = imagenet does not fit MobileNet: "):
        keras_application.load_weights(told, 32, network)


@pytest.mark.parametrize(
    ("told", "rank"),
    [
        ({"name": "ViTBackbone", "arguments": VIT}, "first"),
        ({"name": "ViTBackbone", "arguments": {**VIT, "use_class_token": False}}, "tokens"),
        ({"name": "DenseNetBackbone", "arguments": DENSE}, "map"),
    ],
)
def test_a_backbone_for_images_gives_its_class_token_or_the_mean(told, rank):
    tower = build_image_tower(hub_image(**told), 32, embedding_dim=4)
    network = tower.get_layer(BACKBONE).network
    given = scaled(pixels())
    made = network(given, training=False).numpy()
    features = {
        "first": lambda: made[:, 0],
        "tokens": lambda: made.mean(1),
        "map": lambda: made.mean((1, 2)),
    }[rank]()
    np.testing.assert_allclose(tower(given, training=False), projected(tower, features), atol=1e-5)
    assert has_batch_norm(tower) == BATCH_NORM[told["name"]]


@pytest.mark.parametrize("name", ["BertBackbone", "DistilBertBackbone", "GPT2Backbone"])
def test_a_backbone_for_texts_gives_the_mean_over_tokens(name):
    tower = build_text_tower(hub_text(name=name, arguments=BERT), TEXT, embedding_dim=4)
    network = tower.get_layer(BACKBONE).network
    inputs = {"token_ids": TOKENS, "padding_mask": tf.cast(TOKENS != 0, tf.int32)}
    if "segment_ids" in network.input:
        inputs["segment_ids"] = tf.zeros_like(TOKENS)
    made = network(inputs).numpy()
    mean = np.stack([made[0, :3].mean(0), made[1, 0]])
    np.testing.assert_allclose(tower(TOKENS), projected(tower, mean), atol=1e-5)
    assert np.isfinite(tower(tf.zeros([1, 6], tf.int64))).all()
    assert not any("pooled" in each.path for each in tower.trainable_variables)


def test_a_pooled_bert():
    told = hub_text(name="BertBackbone", arguments=BERT, pooling="pooled")
    tower = build_text_tower(told, TEXT, embedding_dim=4)
    network = tower.get_layer(BACKBONE).network
    [kernel] = [w for w in tower.weights if w.path.endswith("pooled_dense/kernel")]
    inputs = {"token_ids": TOKENS, "padding_mask": tf.cast(TOKENS != 0, tf.int32)}
    made = network({**inputs, "segment_ids": tf.zeros_like(TOKENS)})
    np.testing.assert_allclose(tower(TOKENS), projected(tower, made.numpy()), atol=1e-5)
    assert kernel.shape == (8, 8)
    without = hub_text(name="DistilBertBackbone", arguments=BERT, pooling="pooled")
    with pytest.raises(InputError, match="DistilBertBackbone gives no such vector"):
        build_text_tower(without, TEXT, 4)


def preset_towers(folder, image_size: int = 8) -> dict:
    """Presets of a tiny ViT and a tiny BERT, as towers of a config."""
    vit = keras_hub.models.ViTBackbone(image_shape=(image_size, image_size, 3), **VIT)
    vit.save_to_preset(str(folder / "vit"))
    converter = {"scale": [0.01, 0.02, 0.03], "offset": [-1.0, -2.0, -3.0]}
    (folder / "vit" / "image_converter.json").write_text(json.dumps({"config": converter}))
    bert = keras_hub.models.BertBackbone(vocabulary_size=50, max_sequence_length=8, **BERT)
    bert.save_to_preset(str(folder / "bert"))
    return {
        "image_tower": {"kind": "keras_hub", "preset": str(folder / "vit")},
        "text_tower": {"kind": "keras_hub", "preset": str(folder / "bert")},
        "embedding_dim": 6,
    }


def test_presets_bring_their_weights_and_their_scale_of_pixels(tmp_path):
    model = DualEncoder(config(model=preset_towers(tmp_path)))
    initial_weights.load(model)
    given = pixels(8)
    vit = keras_hub.models.Backbone.from_preset(str(tmp_path / "vit"))
    asked = given * np.array([0.01, 0.02, 0.03], np.float32) - np.array([1, 2, 3], np.float32)
    expected = projected(model.image_tower, vit(asked).numpy()[:, 0])
    np.testing.assert_allclose(model.image_tower(scaled(given)), expected, atol=1e-4)
    bert = keras_hub.models.Backbone.from_preset(str(tmp_path / "bert"))
    tokens = tf.constant([[3, 4, 0, 0]])
    inputs = {"token_ids": tokens, "padding_mask": tf.cast(tokens != 0, tf.int32)}
    made = bert({**inputs, "segment_ids": tf.zeros_like(tokens)})["sequence_output"].numpy()
    expected = projected(model.text_tower, made[:, :2].mean(1))
    np.testing.assert_allclose(model.text_tower(tf.cast(tokens, tf.int64)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"image": {"size": 16}}, "image.size = 16, but model.image_tower.preset = .*vit is for "),
        ({"text": {"vocabulary_size": 51}}, "text.vocabulary_size = 51, but .* knows 50 tokens"),
        ({"text": {"max_tokens": 9}}, "text.max_tokens = 9, but .* has 8 places"),
    ],
)
def test_a_preset_that_does_not_suit(tmp_path, sections, sentence):
    told = config(model=preset_towers(tmp_path), **sections)
    with pytest.raises(InputError, match=sentence):
        DualEncoder(told)


def refusal(**tower) -> str:
    key = "text_tower" if tower.pop("text", False) else "image_tower"
    with pytest.raises(InputError) as caught:
        DualEncoder(config(model={key: {"kind": "keras_hub", **tower}}))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_presets_that_are_not_there_and_backbones_that_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    found = refusal(text=True, preset="bert_tiny_en_uncased")
    place = f"{tmp_path}/models/keras/bert/keras/bert_tiny_en_uncased"
    start_ = "model.text_tower.preset = bert_tiny_en_uncased: nothing is downloaded; put its files"
    assert found.startswith(f"{start_} into {place}/")
    assert refusal(preset="bert_none") == (
        "model.image_tower.preset = bert_none is none of KerasHub's presets; a folder is written "
        "with a slash"
    )
    assert refusal(preset=f"{tmp_path}/no") == (
        f"model.image_tower.preset = {tmp_path}/no is not a preset of KerasHub: no config.json in "
        "it"
    )
    assert refusal(name="ViTBackbone", arguments={"patch": 8}).startswith(
        "model.image_tower.name = ViTBackbone cannot be built: "
    )
    preset_towers(tmp_path)
    assert refusal(preset=f"{tmp_path}/bert").endswith(
        "is a BertBackbone, which cannot be this tower"
    )
