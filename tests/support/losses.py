"""Slow, obvious losses in float64 and derivatives by small differences."""

import numpy as np
import tensorflow as tf


def value_and_gradient(loss, *inputs: np.ndarray) -> list[np.ndarray]:
    variables = [tf.constant(each) for each in inputs]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        value = loss(*variables)
    return [value.numpy(), *(np.asarray(g) for g in tape.gradient(value, variables))]


def numeric_gradient(loss, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences, one element at a time."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        moved = at.copy()
        moved[index] += step
        up = loss(moved)
        moved[index] -= 2 * step
        gradient[index] = (up - loss(moved)) / (2 * step)
    return gradient


def slow_sigmoid(s, y, t, b):
    total = 0.0
    for one, label in zip(s.ravel(), y.ravel(), strict=True):
        z = 1 if label == 1 else -1
        total += -np.log(1 / (1 + np.exp(-z * (t * one + b))))
    return total / len(s)


def slow_triplet(s, y, margin, mining):
    total, count = 0.0, 0
    for i, j in np.ndindex(s.shape):
        if y[i, j] != 1:
            continue
        count += 1
        in_row = [max(0, margin - s[i, j] + s[i, k]) for k in range(s.shape[1]) if y[i, k] != 1]
        in_column = [max(0, margin - s[i, j] + s[k, j]) for k in range(s.shape[0]) if y[k, j] != 1]
        for violations in (in_row, in_column):
            if mining == "sum":
                total += sum(violations)
            else:
                total += max(violations, default=0)
    return total / count if count else 0.0
