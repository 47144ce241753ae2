"""A loss of the user's own, by dotted path, and the check of it before training."""

from __future__ import annotations

import functools
import importlib
import re
import traceback
from collections.abc import Callable, Hashable
from types import CodeType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from schema.errors import InputError
from schema.system.source_files import find_spec
from schema.text.messages import excerpt, excerpt_of
from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, PairwiseConfig

if TYPE_CHECKING:
    import tensorflow as tf

Function = Callable[..., "tf.Tensor"]
IN_USER_CODE = re.compile(r'File "(.*?)", line (\d+), in ')


class CustomConfig(PairwiseConfig):
    """A function of your own: (similarity, label, **arguments) to a scalar."""

    name: Literal["custom"]
    """Name of the loss."""
    function: Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)+$", max_length=255)]
    """Dotted path of the function: package.module.function."""
    arguments: dict[str, float | int | str | bool] = Field(default_factory=dict)
    """Further arguments of the function, by name."""

    @property
    def module(self) -> str:
        """The function's module, a dotted name."""
        return self.function.rpartition(".")[0]


def load(config: CustomConfig) -> Function:
    """Import the function of a config.

    Returns:
        The function as a graph, so that AutoGraph reads its Python control flow.

    Raises:
        InputError: it cannot be imported or is not a function.
    """
    graph: Function = _graph(_imported(config))
    return graph


def check(config: CustomConfig, batch_size: int) -> None:
    """Check what the function returns, so that a mistake is found before any record is read.

    The function is traced with the shapes of a training step.

    Args:
        config: names a function of (similarity, label, **arguments). Both are tensors of one
            shape, [batch_size, batch_size] for `pairs: all`, else
            [batch_size, 1 + sampled_mismatches]; label is bool.
        batch_size: pairs in a step.

    Raises:
        InputError: it cannot be imported, raises, or returns no scalar of floats that depends on
            the similarity.
    """
    if find_spec(config.module) is None:
        raise InputError(
            f"loss.function = {config.function!r} names no module that can be imported"
        )
    import tensorflow as tf

    function = _imported(config)
    columns = batch_size if config.pairs == "all" else 1 + config.sampled_mismatches
    shape = [batch_size, columns]
    pairs = tf.TensorSpec(shape, tf.float32), tf.TensorSpec(shape, tf.bool)
    graph = _graph(function)

    @tf.function  # type: ignore[untyped-decorator]  # mypy skips TensorFlow
    def gradient(similarity: tf.Tensor, label: tf.Tensor) -> tf.Tensor | None:
        with tf.GradientTape() as tape:
            tape.watch(similarity)
            loss = graph(similarity, label, **config.arguments)
        return tape.gradient(loss, similarity)

    try:
        traced = graph.get_concrete_function(*pairs, **config.arguments)
        _check_result(traced.structured_outputs, config, function)
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


def _check_result(loss: Any, config: CustomConfig, function: Function) -> None:
    import tensorflow as tf

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


@functools.lru_cache(maxsize=8)  # or each call outside of a graph would trace it anew
def _graph(function: Function) -> Any:
    import tensorflow as tf

    return tf.function(function)


def _imported(config: CustomConfig) -> Any:
    name = config.function.rpartition(".")[2]
    try:
        function = getattr(importlib.import_module(config.module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's module does, an exit included
        raise InputError(
            f"loss.function = {config.function} cannot be imported: {_last_line(error)}"
        ) from error
    if not callable(function) or not isinstance(function, Hashable):  # or it cannot be cached
        raise InputError(f"loss.function = {config.function} is not a function")
    return function


def _line(error: BaseException, function: Function) -> str:
    """'FILE:LINE' of the innermost line of the function's own file."""
    file = _place(function).rpartition(":")[0]
    # AutoGraph runs a rewritten copy; the lines that it came from stand in the message.
    rewritten = IN_USER_CODE.findall(str(error))
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
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


def _loss(config: CustomConfig, batch: LossBatch) -> tf.Tensor:
    return load(config)(*batch.pairs(), **config.arguments)


LOSSES.add("custom", Loss(config=CustomConfig, function=_loss, check=check))
