"""The reference pair with raw embeddings is the classic two-network custom loss, to 1e-6.

Classic means: two networks give one vector each for an image and a text, the loss takes (image
vector, text vector, label), the similarity is their dot product, and one tape carries gradients
into both networks. Everything is recomputed in NumPy from the layers' own weights.
"""

import numpy as np
import pytest
import tensorflow as tf

from schema import features
from trainer.config.model import ModelConfig
from trainer.config.trainer import TrainerConfig
from trainer.config.transform import ImageConfig, TextConfig
from trainer.losses.cosine_embedding import CosineEmbeddingConfig
from trainer.losses.hinge import HingeConfig
from trainer.towers.image.conv import ConvConfig
from trainer.towers.text.bag import BagConfig
from trainer.towers.text.lstm import LstmConfig
from trainer.training.step import TrainableDualEncoder

N, SIZE, TOKENS, DIM = 6, 8, 5, 4
RNG = np.random.default_rng(3)


def config(loss) -> TrainerConfig:
    return TrainerConfig(
        image=ImageConfig(size=SIZE),
        text=TextConfig(vocabulary_size=50, max_tokens=TOKENS, max_captions=1),
        model=ModelConfig(
            image_tower=ConvConfig(kind="conv"),
            text_tower=LstmConfig(kind="lstm"),
            embedding_dim=DIM,
            normalize=False,
        ),
        loss=loss,
    )


@pytest.fixture
def batch() -> dict[str, tf.Tensor]:
    tokens = RNG.integers(1, 50, (N, TOKENS))
    tokens[0, 3:] = 0
    return {
        features.PIXELS: tf.constant(RNG.integers(0, 256, (N, SIZE, SIZE, 3)), tf.float32),
        features.TOKENS: tf.constant(tokens, tf.int64),
        features.CAPTION_IDS: tf.constant(np.arange(1, N + 1)[:, None], tf.int64),
        features.CAPTION_LABELS: tf.constant([[1], [0], [1], [1], [0], [0]], tf.int64),
        features.KEY_ID: tf.constant(np.arange(N), tf.int64),
        features.CHOSEN: tf.zeros([N], tf.int64),
    }


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def conv_tower(model, pixels):
    """3x3 convolution, ReLU, 2x2 max pooling, flatten; then the projection. float64 NumPy."""
    kernel, bias, weights, offset = (np.asarray(w, np.float64) for w in model.get_weights())
    x = pixels / 127.5 - 1
    side = SIZE - 2
    out = np.zeros((N, side, side, kernel.shape[-1]))
    for row in range(side):
        for column in range(side):
            patch = x[:, row : row + 3, column : column + 3]
            out[:, row, column] = np.tensordot(patch, kernel, 3) + bias
    pooled = np.maximum(out, 0).reshape(N, side // 2, 2, side // 2, 2, -1).max((2, 4))
    flat = pooled.reshape(N, -1)
    return flat, flat @ weights + offset


def lstm_tower(model, tokens):
    """Embedding, LSTM that stands still on padding; then the projection. float64 NumPy."""
    table, kernel, recurrent, bias, weights, offset = (
        np.asarray(w, np.float64) for w in model.get_weights()
    )
    state = memory = np.zeros((N, recurrent.shape[0]))
    for step in range(tokens.shape[1]):
        gates = table[tokens[:, step]] @ kernel + state @ recurrent + bias
        i, f, candidate, o = np.split(gates, 4, axis=1)
        new_memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(candidate)
        new_state = sigmoid(o) * np.tanh(new_memory)
        present = (tokens[:, step] != 0)[:, None]
        memory, state = np.where(present, new_memory, memory), np.where(present, new_state, state)
    return state, state @ weights + offset


def classic_cosine(s, y):
    """Value and derivative by s of the weighted form: 0.3 (1 - s) or 0.7 max(0, s + 0.1)."""
    value = np.where(y == 1, 0.3 * (1 - s), 0.7 * np.maximum(0, s + 0.1)).mean()
    return value, np.where(y == 1, -0.3, 0.7 * (s > -0.1)) / len(s)


def classic_hinge(s, y):
    value = np.where(y == 1, np.maximum(0, 0.2 - s), np.maximum(0, s + 0.2)).mean()
    return value, np.where(y == 1, -1.0 * (s < 0.2), 1.0 * (s > -0.2)) / len(s)


@pytest.mark.parametrize(
    ("loss", "classic"),
    [
        (
            CosineEmbeddingConfig(
                name="cosine_embedding", positive_weight=0.3, negative_weight=0.7
            ),
            classic_cosine,
        ),
        (HingeConfig(name="hinge"), classic_hinge),
    ],
)
def test_value_and_gradients_of_both_towers(loss, classic, batch):
    model = TrainableDualEncoder(config(loss))
    with tf.GradientTape() as tape:
        value = model.loss_of(batch, training=True)
    kernels = [
        tower.get_layer("projection").kernel for tower in (model.image_tower, model.text_tower)
    ]
    by_image, by_text = tape.gradient(value, kernels)

    flat, u = conv_tower(model.image_tower, batch[features.PIXELS].numpy())
    state, v = lstm_tower(model.text_tower, batch[features.TOKENS].numpy())
    label = batch[features.CAPTION_LABELS].numpy()[:, 0]
    expected, by_s = classic((u * v).sum(1), label)

    assert value.numpy() == pytest.approx(expected, abs=1e-6)
    # dL/dW = h^T (dL/ds * other embedding), for the last layer of each tower
    np.testing.assert_allclose(by_image, flat.T @ (by_s[:, None] * v), atol=1e-6)
    np.testing.assert_allclose(by_text, state.T @ (by_s[:, None] * u), atol=1e-6)
    assert np.abs(by_image).max() > 1e-4
    assert np.abs(by_text).max() > 1e-4


def test_one_compiled_step_moves_every_weight_of_both_towers(batch):
    model = TrainableDualEncoder(config(HingeConfig(name="hinge", pairs="all")))
    model.compile(optimizer="sgd")
    before = [w.numpy().copy() for w in model.trainable_variables]
    model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0)
    moved = [
        np.abs(w.numpy() - b).max() for w, b in zip(model.trainable_variables, before, strict=True)
    ]
    assert len(moved) == 4 + 6  # two layers of the image tower; embedding, LSTM and dense
    assert min(moved) > 0


def test_sizes_of_the_reference_pair():
    full = TrainerConfig(
        model=ModelConfig(
            image_tower=ConvConfig(kind="conv"),
            text_tower=LstmConfig(kind="lstm"),
            embedding_dim=128,
        )
    )
    model = TrainableDualEncoder(full)
    # 3x3x3x32 + 32; 32 px -> 30 -> 15, so 15 x 15 x 32 = 7,200 inputs to 128 units
    assert model.image_tower.count_params() == 896 + 7_200 * 128 + 128
    # 10,000 x 128; LSTM 4 x 64 x (128 + 64 + 1); 64 inputs to 128 units
    assert model.text_tower.count_params() == 1_280_000 + 49_408 + 64 * 128 + 128


def test_the_small_strong_pair_trains_too(batch):
    model = TrainableDualEncoder(
        TrainerConfig(
            image=ImageConfig(size=SIZE),
            text=TextConfig(vocabulary_size=50, max_tokens=TOKENS, max_captions=1),
            model=ModelConfig(text_tower=BagConfig(kind="bag", dropout=0.2), embedding_dim=DIM),
        )
    )
    model.compile(optimizer="adam")
    losses = model.fit(
        tf.data.Dataset.from_tensors(batch), epochs=60, shuffle=False, verbose=0
    ).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
