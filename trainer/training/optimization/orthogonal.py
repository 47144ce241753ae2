"""Orthogonal steps: what Muon makes of the momentum of a matrix of weights.

Gradients of a matrix have a few large singular values; a step along them learns a few directions
and leaves the others. The nearest matrix with equal singular values learns all of them alike.

Reference: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
"""

import math

import keras
import tensorflow as tf

MOMENTUM = 0.95
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the fifth-order iteration, from the reference
# The root mean square of AdamW's steps, as a share of the rate, so that both share one rate and
# one decay. Liu et al., "Muon is scalable for LLM training" (2025), section 2.2.
SIZE_OF_ADAMW = 0.2
# Tables and last layers, whose rows stand for words and classes, learn better by AdamW (reference).
BY_ADAMW = ("embedding", "positions", "projection")


def is_hidden_matrix(variable: keras.Variable) -> bool:
    """Return whether a variable holds the kernel of a layer within a network.

    Tables of embeddings and positions, last projections, biases, scales and depthwise kernels,
    whose filters have one output, are none.
    """
    wide = len(variable.shape) > 1 and min(_sides(variable.shape)) > 1
    return wide and not any(name in variable.path for name in BY_ADAMW)


def orthogonal_step(direction: tf.Tensor) -> tf.Tensor:
    """Return a step of the same singular vectors, whose singular values are all about alike.

    Args:
        direction: float, two or more dimensions; all but the last are the rows of a matrix.

    Returns:
        The same shape. With r the larger side of the matrix, its singular values are 0.2 sqrt(r)
        times 0.68 to 1.21, so that the root mean square of a full matrix is about 0.2; zero for a
        direction of zero.
    """
    rows, columns = _sides(direction.shape)
    x = tf.reshape(direction, [rows, columns])
    if rows > columns:
        x = tf.transpose(x)  # the products below are of the shorter side
    x = tf.math.divide_no_nan(x, tf.norm(x))
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = tf.matmul(x, x, transpose_b=True)
        x = a * x + tf.matmul(b * square + c * tf.matmul(square, square), x)
    if rows > columns:
        x = tf.transpose(x)
    return tf.reshape(SIZE_OF_ADAMW * math.sqrt(max(rows, columns)) * x, direction.shape)


def _sides(shape: tuple[int, ...] | tf.TensorShape) -> tuple[int, int]:
    *rows, columns = tuple(shape)
    return math.prod(rows), columns
