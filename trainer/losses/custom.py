"""A loss of the user's own: imported, and traced once before training to name its faults."""

import importlib
import re
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

import tensorflow as tf

from schema.errors import InputError
from schema.text.messages import excerpt, excerpt_of
from trainer.config.loss import CustomConfig

Function = Callable[..., tf.Tensor]
IN_USER_CODE = re.compile(r'File "(.*?)", line (\d+), in ')


def load(config: CustomConfig, batch_size: int) -> Function:
    """Import the function of a config and check what it returns.

    The function is traced with the shapes of a training step, so a mistake in it is found before
    any record is read.

    Args:
        config: names a function of (similarity, label, **arguments). Both are tensors of one
            shape, [batch_size, batch_size] for `pairs: all`, else
            [batch_size, 1 + sampled_mismatches]; label is bool.
        batch_size: pairs in a step.

    Returns:
        The function as a graph, so that AutoGraph reads its Python control flow.

    Raises:
        InputError: it cannot be imported, raises, or returns no scalar of floats that depends on
            the similarity.
    """
    function = _imported(config)
    columns = batch_size if config.pairs == "all" else 1 + config.sampled_mismatches
    shape = [batch_size, columns]
    pairs = tf.TensorSpec(shape, tf.float32), tf.TensorSpec(shape, tf.bool)
    graph = tf.function(function)

    @tf.function
    def gradient(similarity: tf.Tensor, label: tf.Tensor) -> tf.Tensor | None:
        with tf.GradientTape() as tape:
            tape.watch(similarity)
            loss = graph(similarity, label, **config.arguments)
        return tape.gradient(loss, similarity)

    try:
        traced = graph.get_concrete_function(*pairs, **config.arguments)
        _check(traced.structured_outputs, config, function)
        learned = gradient.get_concrete_function(*pairs).structured_outputs
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever the user's function raises, an exit included
        raise InputError(
            f"loss.function = {config.function} failed at {_line(error, function)}: "
            f"{_last_line(error)}"
        ) from error
    if learned is None:
        raise InputError(
            f"loss.function = {config.function} ({_place(function)}) does not depend on the "
            "similarity, so neither tower could learn from it"
        )
    return graph


def _check(loss: Any, config: CustomConfig, function: Function) -> None:
    returns = f"loss.function = {config.function} ({_place(function)}) returns"
    if not tf.is_tensor(loss) and not isinstance(loss, tf.TensorSpec):
        raise InputError(
            f"{returns} {excerpt_of(loss)}, where one number is expected, the loss of the batch"
        )
    if loss.shape.rank != 0:
        raise InputError(
            f"{returns} a tensor of the shape {tuple(loss.shape)}, where one number is expected, "
            "the loss of the batch: tf.reduce_mean makes one of it"
        )
    if not loss.dtype.is_floating:
        raise InputError(f"{returns} {loss.dtype.name}, where a floating point number is expected")


def _imported(config: CustomConfig) -> Function:
    name = config.function.rpartition(".")[2]
    try:
        found = getattr(importlib.import_module(config.module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's module does, an exit included
        raise InputError(
            f"loss.function = {config.function} cannot be imported: {_last_line(error)}"
        ) from error
    if not callable(found):
        raise InputError(f"loss.function = {config.function} is not a function")
    return found


def _line(error: BaseException, function: Function) -> str:
    """'FILE:LINE' of the innermost line of the function's own file."""
    file = _place(function).rpartition(":")[0]
    # AutoGraph runs a rewritten copy; the lines that it came from stand in the message.
    rewritten = IN_USER_CODE.findall(str(error))
    frames = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    lines = [line for name, line in (*frames, *rewritten) if name == file]
    return f"{file}:{lines[-1]}" if lines else _place(function)


def _place(function: Function) -> str:
    """'FILE:LINE' where a function begins; of another callable its name."""
    code: CodeType | None = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[-1] if lines else ""
    kind = type(error).__name__
    return excerpt(message if message.startswith(kind) else f"{kind}: {message}", 300)
