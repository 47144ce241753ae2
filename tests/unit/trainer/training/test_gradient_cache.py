"""Chunk by chunk and in one go: the same loss and the same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema import features
from tests.support.training import SIZE, TOKENS, VOCABULARY, config
from trainer.training.step import TrainableDualEncoder

N = 13
LOSSES = [
    {"name": "info_nce"},
    {"name": "sigmoid"},
    {"name": "sigmoid", "block": 4},
    {"name": "triplet"},
    {"name": "triplet", "mining": "hardest"},
    {"name": "hinge", "pairs": "all"},
    {"name": "cosine_embedding", "pairs": "all", "positive_weight": 0.3},
    {"name": "hinge", "pairs": "given", "sampled_mismatches": 2},
]
TOWERS = {
    "image_tower": {"kind": "conv", "filters": 4},
    "text_tower": {"kind": "bag", "width": 8},
}


@pytest.fixture(scope="module")
def batch() -> dict[str, tf.Tensor]:
    """Images that repeat, captions that repeat."""
    random = np.random.default_rng(2)
    ids = random.integers(1, 6, (N, 2))
    return {
        features.PIXELS: tf.constant(random.integers(0, 256, (N, SIZE, SIZE, 3)), tf.float32),
        features.TOKENS: tf.constant(random.integers(1, VOCABULARY, (N, TOKENS))),
        features.CAPTION_IDS: tf.constant(ids),
        features.CAPTION_LABELS: tf.constant(random.integers(0, 2, (N, 2))),
        features.KEY_ID: tf.constant(np.arange(N) % 9),
        features.CHOSEN: tf.constant(random.integers(0, 2, N)),
    }


def stepped(told, batch) -> tuple[float, list[np.ndarray]]:
    """The loss of a step and what it did to the weights, by plain gradient descent."""
    keras.utils.set_random_seed(4)
    model = TrainableDualEncoder(told)
    before = [v.numpy() for v in model.trainable_variables]
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    loss = float(tf.function(model.train_step)(batch)["loss"])
    after = [v.numpy() for v in model.trainable_variables]
    return loss, [a - b for a, b in zip(after, before, strict=True)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(map(str, loss.values())))
@pytest.mark.parametrize("chunk", [1, 5, 13])
def test_equal_to_the_direct_batch(loss, chunk, batch):
    direct = config(model=TOWERS, loss=loss, training={"batch_size": N})
    expected, moves = stepped(direct, batch)
    cached = config(model=TOWERS, loss=loss, training={"chunk_size": chunk, "batch_size": N})
    value, found = stepped(cached, batch)
    assert value == pytest.approx(expected, abs=1e-5)
    assert max(np.abs(move).max() for move in moves) > 1e-3
    for mine, theirs in zip(found, moves, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("loss", [LOSSES[0], LOSSES[2]], ids=["info_nce", "sigmoid-block"])
def test_equal_with_all_captions_of_an_image(loss, batch):
    tokens = np.random.default_rng(3).integers(1, VOCABULARY, (N, 2, TOKENS))
    ids = batch[features.CAPTION_IDS].numpy()
    ids[[0, 3, 12], 1] = 0  # images with one caption
    every = {**batch, features.TOKENS: tf.constant(tokens), features.CAPTION_IDS: tf.constant(ids)}
    training = {"batch_size": N, "captions": "all"}
    expected, moves = stepped(config(model=TOWERS, loss=loss, training=training), every)
    cached = config(model=TOWERS, loss=loss, training={**training, "chunk_size": 5})
    value, found = stepped(cached, every)
    assert value == pytest.approx(expected, abs=1e-5)
    assert max(np.abs(move).max() for move in moves) > 1e-3
    for mine, theirs in zip(found, moves, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_dropout_draws_the_same_in_both_passes(batch):
    # The gradient of a dropped-out network, found chunk by chunk, points downhill for that very
    # network: a small step along it lowers the loss by step * |gradient|^2.
    towers = {**TOWERS, "text_tower": {"kind": "bag", "width": 8, "dropout": 0.1}}
    settings = config(model=towers, training={"chunk_size": 4, "batch_size": N})
    keras.utils.set_random_seed(4)
    model = TrainableDualEncoder(settings)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    variables = model.trainable_variables
    loss, gradients = model._cached_gradients(batch, 4, 1)
    length = sum(float(tf.reduce_sum(tf.convert_to_tensor(g) ** 2)) for g in gradients)
    step = 1e-4 / length**0.5
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign(variable - step * tf.convert_to_tensor(gradient))
    lower, _ = model._cached_gradients(batch, 4, 1)
    assert float(loss - lower) == pytest.approx(step * length, rel=0.1)


def test_the_scale_is_counted_once(batch):
    settings = config(model=TOWERS, training={"chunk_size": 2, "batch_size": N})
    _, cached = stepped(settings, batch)
    _, direct = stepped(config(model=TOWERS), batch)
    scales = [i for i, move in enumerate(direct) if move.shape == ()]
    assert len(scales) == 1
    assert cached[scales[0]] == pytest.approx(direct[scales[0]], abs=1e-5)
    assert abs(direct[scales[0]]) > 1e-3
