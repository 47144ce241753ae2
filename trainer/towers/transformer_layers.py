"""Layers of transformers, the same for patches of images and for word pieces.

Pre-normalised, as in Radford et al., "Learning transferable visual models from natural language
supervision" (2021); attention as in Vaswani et al., "Attention is all you need" (2017).
"""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

from trainer.towers import fused_ops

EPSILON = 1e-5  # added to the variance in normalisations
DEVIATION = 0.02  # of the initial token and position embeddings


class Norm(keras.layers.Layer):
    """Layer normalisation in float32, also between layers that compute in half precision."""

    def __init__(self) -> None:
        super().__init__(dtype="float32")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make a scale and an offset for each component of vectors [..., width]."""
        width = (shape[-1],)
        self._gamma = self.add_weight(name="gamma", shape=width, initializer="ones")
        self._beta = self.add_weight(name="beta", shape=width, initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise each vector."""
        gamma, beta = map(tf.convert_to_tensor, (self._gamma, self._beta))
        return fused_ops.layer_norm(x, gamma, beta, EPSILON)

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

    Attributes:
        recomputes: whether training keeps only the input of the block and computes the rest once
            more for the gradient.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: int, dropout: float):
        super().__init__()
        self.recomputes = False
        self._heads = heads
        self._norms = [Norm() for _ in range(2)]
        # One product for queries, keys and values: three narrow ones leave a CPU waiting.
        self._qkv = keras.layers.Dense(3 * width, name="qkv")
        self._out = keras.layers.Dense(width, name="attention_out")
        self._hidden = keras.layers.Dense(mlp_ratio * width, name="mlp_hidden")
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
        self, x: tf.Tensor, is_token: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Transform vectors [n, tokens, width].

        None attends where `is_token` [n, tokens] is 0; None: all are tokens.
        """
        seeds: list[tf.Tensor | None] = [None, None]
        if training and self._dropouts[0].rate:
            # Drawn here, so that what is computed once more drops the same.
            seeds = [layer.seed_generator.next() for layer in self._dropouts]
        if self.recomputes and training:
            return tf.recompute_grad(lambda inputs: self._transform(inputs, is_token, seeds))(x)
        return self._transform(x, is_token, seeds)

    def compute_output_spec(
        self, x: keras.KerasTensor, *_: object, **__: object
    ) -> keras.KerasTensor:
        """Return the spec of the output: that of the input, in the type of this layer."""
        return keras.KerasTensor(x.shape, self.compute_dtype)

    def _transform(
        self, x: tf.Tensor, is_token: tf.Tensor | None, seeds: Sequence[tf.Tensor | None]
    ) -> tf.Tensor:
        shape = tf.shape(x)
        # A matrix of all tokens: TensorFlow then adds a bias within the product.
        x = tf.reshape(x, [-1, x.shape[-1]])
        qkv = _linear(self._qkv, self._norms[0](x))
        together = tf.reshape(qkv, [shape[0], shape[1], qkv.shape[-1]])
        mixed = tf.reshape(fused_ops.attention(together, is_token, self._heads), tf.shape(x))
        x += self._dropped(_linear(self._out, mixed), seeds[0])
        hidden = fused_ops.gelu(_linear(self._hidden, self._norms[1](x)))
        x += self._dropped(_linear(self._back, hidden), seeds[1])
        return tf.reshape(x, shape)

    def _dropped(self, x: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        if seed is None:
            return x
        rate = self._dropouts[0].rate
        return tf.nn.experimental.stateless_dropout(x, rate, tf.cast(seed, tf.int32))


def _linear(layer: keras.layers.Dense, x: tf.Tensor) -> tf.Tensor:
    """Apply a dense layer, or one with an adapter, to the rows of a matrix."""
    kernel, bias = map(tf.convert_to_tensor, (layer.kernel, layer.bias))
    x = tf.cast(x, layer.compute_dtype)
    return tf.nn.bias_add(tf.matmul(x, tf.cast(kernel, x.dtype)), tf.cast(bias, x.dtype))


class Positions(keras.layers.Layer):
    """Adds a learned vector to each position of [n, tokens, width].

    Args:
        longest: largest number of tokens.
    """

    def __init__(self, longest: int):
        super().__init__()
        self._longest = longest

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make one vector for each position."""
        self._table = self.add_weight(
            name="positions",
            shape=(self._longest, shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=DEVIATION),
        )

    def call(
        self, x: keras.KerasTensor, places: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        """Add the vectors of the positions; `places` [n, tokens] names them, None: 0, 1, ..."""
        if places is None:
            return x + ops.cast(self._table[: ops.shape(x)[1]], x.dtype)
        return x + ops.cast(ops.take(self._table, places, axis=0), x.dtype)
