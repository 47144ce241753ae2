"""Text towers: token ids in, one vector per caption out."""

import keras
from keras import ops

from trainer.config.model import TextConfig
from trainer.config.pretrained import KerasHubTextConfig
from trainer.config.towers import BagConfig, LstmConfig, TextTower, TransformerConfig
from trainer.models import keras_hub
from trainer.models.transformer import DEVIATION, Block, Norm, Positions, mean_of_tokens


def build(config: TextTower, text: TextConfig, embedding_dim: int) -> keras.Model:
    """The tower of a config.

    Returns:
        A model from int64 token ids [n, at most text.max_tokens], 0 = padding, to float32
        [n, embedding_dim].
    """
    # What a library's network makes of padding is its own affair: it always gets as much.
    length = text.max_tokens if isinstance(config, KerasHubTextConfig) else None
    tokens = keras.Input((length,), dtype="int64", name="tokens")
    match config:
        case LstmConfig():
            body = _lstm(config, tokens)
        case BagConfig():
            body = _bag(config, text.vocabulary_size, tokens)
        case TransformerConfig():
            body = _transformer(config, text, tokens)
        case KerasHubTextConfig():
            body = keras_hub.text_body(config, text, tokens)
    projection = keras.layers.Dense(embedding_dim, name="projection")
    tower = keras.Model(tokens, projection(body), name="text_tower")
    tower.trainable = not config.frozen or config.spares_projection
    return tower


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


def _transformer(
    config: TransformerConfig, text: TextConfig, tokens: keras.KerasTensor
) -> keras.KerasTensor:
    start = keras.initializers.RandomNormal(stddev=DEVIATION)
    x = keras.layers.Embedding(text.vocabulary_size, config.width, start)(tokens)
    x = Positions(text.max_tokens)(x)
    is_token = ops.cast(ops.not_equal(tokens, 0), "float32")
    for _ in range(config.depth):
        x = Block(config.width, config.heads, config.mlp_ratio, config.dropout)(x, is_token)
    return mean_of_tokens(Norm()(x), is_token)
