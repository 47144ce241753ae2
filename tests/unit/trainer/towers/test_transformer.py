"""Transformer blocks and the two towers made of them, against NumPy."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.training import SPEC, config, trained, weights, write_records
from trainer.config.transform import TextConfig
from trainer.towers.assembly import build_image_tower, build_text_tower
from trainer.towers.image.vit import ViTConfig
from trainer.towers.layers import mean_of_tokens
from trainer.towers.text.transformer import TransformerConfig
from trainer.towers.transformer_layers import Block, Positions
from trainer.training.data import input_pipeline
from trainer.training.step import TrainableDualEncoder

N, TOKENS, WIDTH, HEADS = 2, 4, 6, 3
VIT = {"kind": "vit", "patch": 4, "width": 12, "depth": 2, "heads": 3}
TEXT = {"kind": "transformer", "width": 12, "depth": 2, "heads": 3}


@pytest.fixture
def block() -> Block:
    keras.utils.set_random_seed(1)
    made = Block(WIDTH, HEADS, 2, 0.0)
    made.build((None, TOKENS, WIDTH))
    random = np.random.default_rng(0)
    made.set_weights([random.normal(0, 0.5, w.shape) for w in made.get_weights()])
    return made


def norm(x, gamma, beta):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta


gelu = np.vectorize(lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))))


def slow_block(block: Block, x: np.ndarray, is_token: np.ndarray) -> np.ndarray:
    """A token and a head at a time."""
    names = ("g1", "b1", "g2", "b2", "qkv", "qkv_b", "out", "out_b", "h", "h_b", "back", "back_b")
    by_path = {w.path: np.asarray(w.numpy(), np.float64) for w in block.weights}
    w = dict(zip(names, by_path.values(), strict=True))
    result = np.zeros_like(x)
    size = WIDTH // HEADS
    for n in range(len(x)):
        q, k, v = np.split(norm(x[n], w["g1"], w["b1"]) @ w["qkv"] + w["qkv_b"], 3, axis=-1)
        mixed = np.zeros((TOKENS, WIDTH))
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            for i in range(TOKENS):
                seen = [j for j in range(TOKENS) if is_token[n, j]]
                scores = np.exp([q[i, part] @ k[j, part] / math.sqrt(size) for j in seen])
                shares = scores / scores.sum()
                mixed[i, part] = sum(s * v[j, part] for s, j in zip(shares, seen, strict=True))
        after = x[n] + mixed @ w["out"] + w["out_b"]
        hidden = gelu(norm(after, w["g2"], w["b2"]) @ w["h"] + w["h_b"])
        result[n] = after + hidden @ w["back"] + w["back_b"]
    return result


def test_a_block_equals_the_reference(block):
    x = np.random.default_rng(1).normal(size=(N, TOKENS, WIDTH))
    is_token = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    found = block(tf.constant(x, tf.float32), tf.constant(is_token, tf.float32))
    np.testing.assert_allclose(found, slow_block(block, x, is_token), atol=1e-4)


def test_positions_tell_places_apart_and_start_small():
    positions = Positions(50)
    found = positions(tf.zeros([1, 50, 40])).numpy()[0]
    assert found.std() == pytest.approx(0.02, rel=0.1)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_the_mean_is_over_tokens():
    x = tf.constant([[[1.0], [3.0], [100.0]], [[5.0], [6.0], [7.0]]])
    found = mean_of_tokens(x, tf.constant([[1.0, 1, 0], [0, 0, 0]]))
    np.testing.assert_allclose(found, [[2.0], [0.0]])


def test_a_patch_is_a_product_with_its_pixels():
    settings = ViTConfig.model_validate({**VIT, "depth": 1})
    tower = build_image_tower(settings, 8, embedding_dim=3)
    patches = keras.Model(tower.input, tower.get_layer("patches").output)
    pixels = np.random.default_rng(2).normal(size=(1, 8, 8, 3)).astype(np.float32)
    [kernel] = tower.get_layer("patches").get_weights()
    # The third of four patches is the one below on the left: rows 4 to 8, columns 0 to 4.
    expected = pixels[0, 4:8, 0:4].reshape(-1) @ kernel
    np.testing.assert_allclose(patches(pixels)[0, 2], expected, atol=1e-5)


def test_the_text_tower_sees_order_and_no_padding():
    text = TextConfig(vocabulary_size=32, max_tokens=5)
    tower = build_text_tower(TransformerConfig.model_validate(TEXT), text, embedding_dim=8)
    ab, ba = tower(tf.constant([[3, 4, 0, 0, 0]])), tower(tf.constant([[4, 3, 0, 0, 0]]))
    assert np.abs(ab - ba).max() > 1e-3
    # What stands at the padding's places must not matter: other vectors there, the same result.
    before = ab.numpy()
    # A batch comes without the columns where it has no token.
    np.testing.assert_allclose(tower(tf.constant([[3, 4]])), before, atol=1e-5)
    [table] = [w for w in tower.weights if w.path.endswith("embeddings")]
    changed = table.numpy()
    changed[0] += 10
    table.assign(changed)
    np.testing.assert_allclose(tower(tf.constant([[3, 4, 0, 0, 0]])), before, atol=1e-5)
    assert not np.isnan(tower(tf.zeros([1, 5], tf.int64))).any()


def test_they_learn_in_half_precision_and_in_chunks(tmp_path):
    files = write_records(tmp_path / "data", 60)
    settings = config(
        model={"image_tower": {**VIT, "depth": 1}, "text_tower": {**TEXT, "depth": 1}},
        training={"precision": "bfloat16", "epochs": 8, "learning_rate": 0.01, "chunk_size": 5},
    )
    losses = []
    for model in (TrainableDualEncoder(settings), trained(settings, files, tmp_path)):
        batch = next(iter(input_pipeline.training_batches(files, SPEC, settings, 60, 60)))
        losses.append(float(model.loss_of(batch)))
    assert losses[1] < 0.8 * losses[0]
    assert all(np.isfinite(w).all() for w in weights(model))
