"""The layers of a BERT, post-normalised.

Reference: Devlin et al., "BERT: pre-training of deep bidirectional transformers for language
understanding" (2019).
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from trainer.towers import fused_ops
from trainer.towers.layers import mean_of_tokens
from trainer.towers.transformer_layers import DEVIATION, Block, Norm, Positions
from trainer.weights.bert_folder import BertSizes
from trainer.weights.bert_names import (
    EMBEDDING_NORM,
    NORMS_OF_BLOCK,
    OF_BLOCK,
    PLACES,
    TYPES,
    WORDS,
    prefix_of_block,
)

Arrays = Mapping[str, np.ndarray]


class BertBlock(Block):
    """norm(x + attention(x)), then norm(x + mlp(x))."""

    def call(
        self, x: keras.KerasTensor, is_token: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Transform vectors [n, tokens, width]; none attends where `is_token` [n, tokens] is 0."""
        attended = self._out(self._attention(self._qkv(x), is_token))
        x = self._norms[0](x + self._dropouts[0](attended, training=training))
        hidden = fused_ops.gelu(self._hidden(x))
        return self._norms[1](x + self._dropouts[1](self._back(hidden), training=training))

    def assign(self, arrays: Arrays, prefix: str) -> None:
        """Take the weights of a state dict whose names begin with a prefix."""
        for name, theirs in OF_BLOCK.items():
            kernels = [arrays[f"{prefix}{each}.weight"].T for each in theirs]
            biases = [arrays[f"{prefix}{each}.bias"] for each in theirs]
            layer = getattr(self, f"_{name}")
            layer.set_weights([np.concatenate(kernels, 1), np.concatenate(biases)])
        for norm, name in zip(self._norms, NORMS_OF_BLOCK, strict=True):
            _assign_norm(norm, arrays, prefix + name)


def build_network(sizes: BertSizes, dropout: float) -> keras.Model:
    """Build a network: int64 token ids [n, tokens], 0 = padding, to float32 features [n, width].

    Args:
        sizes: of the network.
        dropout: share that is dropped behind the embeddings and each half of a block.
    """
    tokens = keras.Input((None,), dtype="int64")
    is_token = ops.not_equal(tokens, 0)
    normal = keras.initializers.TruncatedNormal(stddev=DEVIATION)
    x = keras.layers.Embedding(
        sizes.vocabulary, sizes.width, embeddings_initializer=normal, name="words"
    )(tokens)
    x = Norm(sizes.epsilon, name="norm")(Positions(sizes.positions, name="places")(x))
    x = keras.layers.Dropout(dropout)(x)
    for number in range(sizes.layers):
        block = BertBlock(
            *(sizes.width, sizes.heads, sizes.hidden / sizes.width, dropout),
            epsilon=sizes.epsilon,
            name=_block_name(number),
        )
        x = block(x, is_token)
    features = x[:, 0] if sizes.pooling == "first" else mean_of_tokens(x, is_token)
    return keras.Model(tokens, ops.cast(features, "float32"), name="bert")


def assign(network: keras.Model, sizes: BertSizes, arrays: Arrays) -> None:
    """Give a network the weights of a state dict whose shapes were checked."""
    network.get_layer("words").set_weights([arrays[WORDS]])
    # All tokens are of the first type, whose vector therefore is a part of every place's.
    network.get_layer("places").set_weights([arrays[PLACES] + arrays[TYPES][0]])
    _assign_norm(network.get_layer("norm"), arrays, EMBEDDING_NORM)
    for number in range(sizes.layers):
        network.get_layer(_block_name(number)).assign(arrays, prefix_of_block(number))


def _assign_norm(norm: Norm, arrays: Arrays, name: str) -> None:
    norm.set_weights([arrays[f"{name}.weight"], arrays[f"{name}.bias"]])


def _block_name(number: int) -> str:
    return f"block_{number}"
