"""Text towers: token ids in, one vector per caption out."""

import keras
from keras import ops

from trainer.config import BagConfig, LstmConfig, TextTower


def build(config: TextTower, vocabulary_size: int, embedding_dim: int) -> keras.Model:
    """The tower of a config.

    Returns:
        A model from int64 token ids [n, tokens], 0 = padding, to float32 [n, embedding_dim].
    """
    tokens = keras.Input((None,), dtype="int64", name="tokens")
    if isinstance(config, LstmConfig):
        body = _lstm(config, tokens)
    else:
        body = _bag(config, vocabulary_size, tokens)
    projection = keras.layers.Dense(embedding_dim, name="projection")
    return keras.Model(tokens, projection(body), name="text_tower")


def _lstm(config: LstmConfig, tokens: keras.KerasTensor) -> keras.KerasTensor:
    # The mask lets the state stand still on padding, so a caption's vector does not depend on
    # how long the longest caption of the batch is.
    x = keras.layers.Embedding(config.vocabulary_size, config.width, mask_zero=True)(tokens)
    return keras.layers.LSTM(config.units)(x)


def _bag(config: BagConfig, vocabulary_size: int, tokens: keras.KerasTensor) -> keras.KerasTensor:
    x = keras.layers.Embedding(vocabulary_size, config.width)(tokens)
    weights = ops.expand_dims(ops.cast(ops.not_equal(tokens, 0), x.dtype), -1)
    weights = keras.layers.Dropout(config.dropout)(weights)
    # The floor keeps a caption without a token, or with all of them dropped, at the zero vector.
    mean = ops.sum(x * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1e-6)
    return keras.layers.LayerNormalization()(mean)
