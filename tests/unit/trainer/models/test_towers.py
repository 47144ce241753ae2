import numpy as np
import pytest
import tensorflow as tf

from trainer.config.model import ModelConfig, TextConfig, TrainerConfig
from trainer.config.towers import (
    BagConfig,
    ConvConfig,
    ConvNetConfig,
    LstmConfig,
    TransformerConfig,
    ViTConfig,
)
from trainer.models import image_towers, text_towers
from trainer.models.dual_encoder import DualEncoder

TEXT = TextConfig(vocabulary_size=32, max_tokens=5)
TRANSFORMER = TransformerConfig(kind="transformer", width=12, depth=2, heads=3)
VIT = ViTConfig(kind="vit", width=12, depth=2, heads=3, patch=8)


@pytest.mark.parametrize("config", [BagConfig(kind="bag"), LstmConfig(kind="lstm")])
def test_padding_changes_no_text(config):
    tower = text_towers.build(config, TEXT, embedding_dim=8)
    short, long = tower(tf.constant([[3, 4]])), tower(tf.constant([[3, 4, 0, 0, 0]]))
    np.testing.assert_allclose(short, long, atol=1e-6)
    assert not np.isnan(tower(tf.constant([[0, 0]]))).any()


def test_the_bag_is_the_mean_of_its_words_whatever_their_order():
    tower = text_towers.build(BagConfig(kind="bag", width=16), TEXT, embedding_dim=8)
    np.testing.assert_allclose(
        tower(tf.constant([[3, 4, 5]])), tower(tf.constant([[5, 3, 4]])), atol=1e-6
    )
    table, gamma, beta, kernel, bias = tower.get_weights()
    mean = table[[3, 4, 5]].mean(0)
    normed = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-3) * gamma + beta
    expected = normed @ kernel + bias
    np.testing.assert_allclose(tower(tf.constant([[3, 4, 5]]))[0], expected, atol=1e-5)


@pytest.mark.parametrize("size", [32, 40])
@pytest.mark.parametrize(
    "config", [ConvConfig(kind="conv"), ConvNetConfig(kind="convnet", widths=(8, 16)), VIT]
)
def test_image_towers_give_one_vector_per_image(config, size):
    tower = image_towers.build(config, size, embedding_dim=24)
    assert tower(np.zeros((3, size, size, 3), np.float32)).shape == (3, 24)


def test_the_convnet_sees_every_pixel_once_in_patches_of_two_by_two():
    pixels = np.arange(2 * 4 * 4 * 3, dtype=np.float32).reshape(2, 4, 4, 3)
    patches = image_towers.space_to_depth(tf.constant(pixels)).numpy()
    assert patches.shape == (2, 2, 2, 12)
    # the patch at row 0, column 1: pixels (0, 2), (0, 3), (1, 2), (1, 3)
    expected = pixels[0, 0:2, 2:4].reshape(12)
    np.testing.assert_array_equal(patches[0, 0, 1], expected)


@pytest.mark.parametrize("normalize", [True, False])
def test_embeddings_have_length_1_if_asked(normalize):
    from trainer.losses.hinge import HingeConfig

    config = TrainerConfig(
        model=ModelConfig(normalize=normalize), loss=HingeConfig(name="hinge", pairs="all")
    )
    model = DualEncoder(config)
    pixels = tf.constant(np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)), tf.uint8)
    tokens = tf.constant(np.random.default_rng(0).integers(2, 99, (5, 7)), tf.int64)
    for vectors in (model.embed_images(pixels), model.embed_texts(tokens)):
        lengths = np.linalg.norm(vectors, axis=1)
        assert (np.abs(lengths - 1) < 1e-5).all() == normalize
