"""Run converted towers, as a program without TensorFlow does."""

import time
from pathlib import Path

import numpy as np

from components.tower_converter.graphs import Embed

AT_ONCE = 32  # inputs
CALLS, SECONDS = 50, 1.0  # timed calls at most, and how long at most


def load(file: Path) -> Embed:
    """Load an .onnx or a .tflite file.

    Returns:
        A function from prepared inputs [n, ...] to embeddings float32 [n, d].
    """
    return _onnx(file) if file.suffix == ".onnx" else _litert(file)


def _onnx(file: Path) -> Embed:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    [source], [target] = session.get_inputs(), session.get_outputs()

    def embed(batch: np.ndarray) -> np.ndarray:
        [result] = session.run([target.name], {source.name: batch})
        return np.asarray(result)

    return embed


def _litert(file: Path) -> Embed:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=2)
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
    shape: tuple[int, ...] = ()

    def embed(batch: np.ndarray) -> np.ndarray:
        nonlocal shape
        if batch.shape != shape:
            interpreter.resize_tensor_input(source["index"], batch.shape)
            interpreter.allocate_tensors()
            shape = batch.shape
        interpreter.set_tensor(source["index"], batch)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(target["index"]))

    return embed


def embed_all(embed: Embed, inputs: np.ndarray) -> np.ndarray:
    """Embed many inputs [n, ...] in small batches."""
    parts = [embed(inputs[start : start + AT_ONCE]) for start in range(0, len(inputs), AT_ONCE)]
    return np.concatenate(parts)


def median_ms(embed: Embed, inputs: np.ndarray) -> float:
    """Return the median time of embedding one input, in milliseconds."""
    embed(inputs[:1])
    taken: list[float] = []
    while len(taken) < CALLS and sum(taken) < SECONDS:
        number = len(taken) % len(inputs)
        started = time.perf_counter()
        embed(inputs[number : number + 1])
        taken.append(time.perf_counter() - started)
    return 1e3 * float(np.median(taken))
