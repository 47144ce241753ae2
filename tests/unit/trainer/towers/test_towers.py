import numpy as np
import pytest
import tensorflow as tf

from trainer.config.model import ModelConfig
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import TextConfig
from trainer.models.dual_encoder import DualEncoder
from trainer.towers.assembly import build_image_tower, build_text_tower
from trainer.towers.image.conv import ConvConfig
from trainer.towers.image.convnet import ConvNetConfig
from trainer.towers.image.vit import ViTConfig
from trainer.towers.layers import space_to_depth
from trainer.towers.text.bag import BagConfig
from trainer.towers.text.lstm import LstmConfig
from trainer.towers.text.transformer import TransformerConfig

TEXT = TextConfig(vocabulary_size=32, max_tokens=5)
TRANSFORMER = TransformerConfig(kind="transformer", width=12, depth=2, heads=3)
VIT = ViTConfig(kind="vit", width=12, depth=2, heads=3, patch=8)


@pytest.mark.parametrize("config", [BagConfig(kind="bag"), LstmConfig(kind="lstm")])
def test_padding_changes_no_text(config):
    tower = build_text_tower(config, TEXT, embedding_dim=8)
    short, long = tower(tf.constant([[3, 4]])), tower(tf.constant([[3, 4, 0, 0, 0]]))
    np.testing.assert_allclose(short, long, atol=1e-6)
    assert not np.isnan(tower(tf.constant([[0, 0]]))).any()


def test_the_bag_is_the_mean_of_its_words_whatever_their_order():
    tower = build_text_tower(BagConfig(kind="bag", width=16), TEXT, embedding_dim=8)
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
    tower = build_image_tower(config, size, embedding_dim=24)
    assert tower(np.zeros((3, size, size, 3), np.float32)).shape == (3, 24)


def test_the_convnet_sees_every_pixel_once_in_patches_of_two_by_two():
    pixels = np.arange(2 * 4 * 4 * 3, dtype=np.float32).reshape(2, 4, 4, 3)
    patches = space_to_depth(tf.constant(pixels)).numpy()
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
