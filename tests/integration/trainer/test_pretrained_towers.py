"""Towers of keras.applications and KerasHub, against the libraries themselves."""

import inspect

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils import file_utils

from schema.errors import InputError
from tests.support.pretrained import BERT, DENSE, TEXT, TOKENS, VIT, pixels, projected, scaled
from trainer.towers.assembly import build_image_tower, build_text_tower
from trainer.towers.image import keras_application
from trainer.towers.image.keras_application import KerasApplicationConfig
from trainer.towers.image.keras_hub import BATCH_NORM, WITH_CLASS_TOKEN, KerasHubImageConfig
from trainer.towers.layers import BACKBONE, has_batch_norm
from trainer.towers.text.keras_hub import BACKBONES, KerasHubTextConfig

pytestmark = pytest.mark.filterwarnings(  # Keras, when it saves
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def application(**values) -> KerasApplicationConfig:
    return KerasApplicationConfig(kind="keras_application", **values)


def hub_image(**values) -> KerasHubImageConfig:
    return KerasHubImageConfig.model_validate({"kind": "keras_hub", **values})


def hub_text(**values) -> KerasHubTextConfig:
    return KerasHubTextConfig.model_validate({"kind": "keras_hub", **values})


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
    settings = application(name="MobileNet", weights=str(tmp_path / "some.weights.h5"))
    source = keras_application.build_network(settings, None, 32)
    source.save_weights(settings.weights)
    network = build_image_tower(settings, 32, 4).get_layer(BACKBONE).network
    keras_application.load_weights(settings, 32, network)
    for mine, theirs in zip(network.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    other = application(name="VGG16", weights=settings.weights)
    with pytest.raises(InputError, match=r"some\.weights\.h5 does not fit VGG16: ") as caught:
        keras_application.load_weights(other, 32, keras_application.build_network(other, None, 32))
    assert "\n" not in str(caught.value)
    absent = application(name="VGG16", weights=str(tmp_path / "absent.h5"))
    with pytest.raises(InputError, match=r"weights = .*absent\.h5: no such file"):
        keras_application.load_weights(absent, 32, network)


def test_imagenet_comes_from_the_cache_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    settings = application(name="MobileNet", weights="cache:imagenet")
    network = keras_application.build_network(settings, None, 32)
    name = "mobilenet_1_0_224_tf_no_top.h5"
    path = tmp_path / "models" / name
    with pytest.raises(InputError) as caught:
        keras_application.load_weights(settings, 32, network)
    assert str(caught.value) == (
        f"model.image_tower.weights = cache:imagenet: nothing is downloaded; put {name} at {path}"
    )
    path.parent.mkdir()
    source = keras_application.build_network(settings, None, 32)
    source.save(path)
    keras_application.load_weights(settings, 32, network)
    np.testing.assert_array_equal(network.get_weights()[0], source.get_weights()[0])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="weights = cache:imagenet does not fit MobileNet: "):
        keras_application.load_weights(settings, 32, network)


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
    settings = hub_text(name="BertBackbone", arguments=BERT, pooling="pooled")
    tower = build_text_tower(settings, TEXT, embedding_dim=4)
    network = tower.get_layer(BACKBONE).network
    [kernel] = [w for w in tower.weights if w.path.endswith("pooled_dense/kernel")]
    inputs = {"token_ids": TOKENS, "padding_mask": tf.cast(TOKENS != 0, tf.int32)}
    made = network({**inputs, "segment_ids": tf.zeros_like(TOKENS)})
    np.testing.assert_allclose(tower(TOKENS), projected(tower, made.numpy()), atol=1e-5)
    assert kernel.shape == (8, 8)
    without = hub_text(name="DistilBertBackbone", arguments=BERT, pooling="pooled")
    with pytest.raises(InputError, match="DistilBertBackbone gives no such vector"):
        build_text_tower(without, TEXT, 4)
