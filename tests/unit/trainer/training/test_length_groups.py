"""Short texts embedded apart from long ones: the same step as all of them together."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from schema import features
from tests.support.training import SIZE, VOCABULARY, config
from trainer.training import length_groups
from trainer.training.step import TrainableDualEncoder

LENGTHS = (3, 20, 1, 7, 8, 2, 9, 17)
TOKENS = 24
TOWERS: dict[str, dict[str, Any]] = {
    "transformer": {"width": 8, "heads": 2, "depth": 1},
    "minilm": {"sizes": {"layers": 1, "width": 8, "heads": 2, "hidden": 16}, "dropout": 0.0},
}


def texts(lengths: tuple[int, ...] = LENGTHS) -> np.ndarray:
    tokens = np.random.default_rng(0).integers(2, VOCABULARY, (len(lengths), TOKENS))
    return tokens * (np.arange(TOKENS) < np.array(lengths)[:, None])


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        (LENGTHS, [(6, 16), (2, 24)]),  # 1 2 3 7 8 9, and 17 20
        ((5, 5, 5, 5), [(3, 8), (1, 8)]),
        ((5,), [(0, 8), (1, 8)]),
    ],
)
def test_a_quarter_of_the_texts_is_long_and_the_others_are_cut_to_their_own_longest(
    lengths, groups
):
    seen = []

    def embed(tokens: tf.Tensor) -> tf.Tensor:
        seen.append(tuple(tokens.shape))
        return tf.cast(tf.reduce_sum(tokens, axis=1, keepdims=True), tf.float32)

    tokens = texts(lengths)
    found = length_groups.embed(embed, tf.constant(tokens))
    np.testing.assert_array_equal(found, tokens.sum(axis=1, keepdims=True))
    assert seen == groups


@pytest.mark.parametrize("kind", TOWERS)
def test_a_step_learns_the_same(kind):
    n = len(LENGTHS)
    batch = {
        features.PIXELS: tf.zeros((n, SIZE, SIZE, 3)),
        features.TOKENS: tf.constant(texts()),
        features.CAPTION_IDS: tf.constant(np.arange(1, 2 * n + 1).reshape(n, 2)),
        features.CAPTION_LABELS: tf.ones((n, 2), tf.int64),
        features.KEY_ID: tf.range(n, dtype=tf.int64),
        features.CHOSEN: tf.zeros(n, tf.int64),
    }
    settings = config(
        text={"max_tokens": TOKENS},
        model={"image_tower": {"kind": "conv"}, "text_tower": {"kind": kind, **TOWERS[kind]}},
        training={"batch_size": n},
    )
    losses, moves = [], []
    for fixed_shapes in (True, False):
        keras.utils.set_random_seed(1)
        model = TrainableDualEncoder(settings)
        model.compile(optimizer=keras.optimizers.SGD(1.0))
        before = [v.numpy() for v in model.trainable_variables]
        # XLA compiles the step in one group, and would refuse the other one.
        step = tf.function(model.train_step, jit_compile=fixed_shapes and kind == "transformer")
        losses.append(float(step(batch, fixed_shapes)["loss"]))
        after = [v.numpy() for v in model.trainable_variables]
        moves.append([a - b for a, b in zip(after, before, strict=True)])
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    largest = max(np.abs(move).max() for move in moves[0])
    assert sum(np.abs(move).max() > 1e-3 * largest for move in moves[0]) > 10
    for mine, other in zip(*moves, strict=True):
        np.testing.assert_allclose(mine / largest, other / largest, atol=2e-6)
