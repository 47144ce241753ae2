"""Layers of transformers, the same for patches of images and for word pieces.

Pre-normalised, as in Radford et al., "Learning transferable visual models from natural language
supervision" (2021); attention as in Vaswani et al., "Attention is all you need" (2017).
"""

import keras
import tensorflow as tf
from keras import ops

from trainer.towers import fused_ops

EPSILON = 1e-5  # added to the variance in normalisations
DEVIATION = 0.02  # of the initial token and position embeddings


class Norm(keras.layers.Layer):
    """Layer normalisation in float32, also between layers that compute in half precision.

    Args:
        epsilon: added to the variance.
        name: of the layer.
    """

    def __init__(self, epsilon: float = EPSILON, name: str | None = None) -> None:
        super().__init__(dtype="float32", name=name)
        self._epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make a scale and an offset for each component of vectors [..., width]."""
        width = (shape[-1],)
        self._gamma = self.add_weight(name="gamma", shape=width, initializer="ones")
        self._beta = self.add_weight(name="beta", shape=width, initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise each vector."""
        gamma, beta = map(tf.convert_to_tensor, (self._gamma, self._beta))
        return fused_ops.layer_norm(x, gamma, beta, self._epsilon)

    def compute_output_spec(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Return the spec of the output: the shape of the input, in float32."""
        return keras.KerasTensor(x.shape, "float32")


class Block(keras.layers.Layer):
    """x + attention(norm(x)), then x + mlp(norm(x)).

    Args:
        width: components of a vector.
        heads: attention heads, which divide the width.
        mlp_ratio: hidden units of the second half, in widths.
        dropout: share that is dropped after each half.
        epsilon: of the normalisations.
        name: of the layer.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_ratio: float,
        dropout: float,
        epsilon: float = EPSILON,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self._heads = heads
        self._norms = [Norm(epsilon) for _ in range(2)]
        # One product for queries, keys and values: three narrow ones leave a CPU waiting.
        self._qkv = keras.layers.Dense(3 * width, name="qkv")
        self._out = keras.layers.Dense(width, name="attention_out")
        self._hidden = keras.layers.Dense(round(mlp_ratio * width), name="mlp_hidden")
        self._back = keras.layers.Dense(width, name="mlp_out")
        self._dropouts = [keras.layers.Dropout(dropout) for _ in range(2)]

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the weights for vectors [n, tokens, width]."""
        hidden = (*shape[:-1], self._hidden.units)
        for layer in (*self._norms, self._qkv, self._out, self._hidden):
            layer.build(shape)
        self._back.build(hidden)
        self.built = True

    def call(
        self, x: keras.KerasTensor, is_token: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Transform vectors [n, tokens, width]; none attends where `is_token` [n, tokens] is 0."""
        attended = self._out(self._attention(self._qkv(self._norms[0](x)), is_token))
        x = x + self._dropouts[0](attended, training=training)
        hidden = fused_ops.gelu(self._hidden(self._norms[1](x)))
        return x + self._dropouts[1](self._back(hidden), training=training)

    def _attention(self, qkv: keras.KerasTensor, is_token: keras.KerasTensor) -> keras.KerasTensor:
        tokens, width = ops.shape(qkv)[1], qkv.shape[2] // 3
        size = width // self._heads
        split = ops.reshape(qkv, (-1, tokens, 3, self._heads, size))
        q, k, v = ops.unstack(ops.transpose(split, (2, 0, 3, 1, 4)), axis=0)
        logits = ops.matmul(q * size**-0.5, ops.swapaxes(k, -1, -2))
        # In float32: half precision has too few bits for a sum over many tokens.
        logits = ops.cast(logits, "float32")
        logits += 1e9 * (ops.cast(is_token, "float32")[:, None, None, :] - 1.0)
        weights = ops.cast(ops.softmax(logits, axis=-1), v.dtype)
        mixed = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))
        return ops.reshape(mixed, (-1, tokens, width))


class Positions(keras.layers.Layer):
    """Adds a learned vector to each position of [n, tokens, width].

    Args:
        longest: largest number of tokens.
        name: of the layer.
    """

    def __init__(self, longest: int, name: str | None = None):
        super().__init__(name=name)
        self._longest = longest

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make one vector for each position."""
        self._table = self.add_weight(
            name="positions",
            shape=(self._longest, shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=DEVIATION),
        )

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Add the vectors of the positions."""
        return x + ops.cast(self._table[: ops.shape(x)[1]], x.dtype)
