"""Call SavedModels as an outside client would; run as `python -I client_program.py FOLDER`.

It must work where this project is not installed, so it imports only the standard library, NumPy,
TensorFlow and TensorFlow Text, whose ops the models need. It makes no verdict: it returns what it
observed as files, and a model that crashes it crashes nothing else.

Reads from FOLDER:
    request.json: {"models": {name: folder}, "calls": {id: call}, "timed": {id: call},
        "times": n, "foreign": [package]} where a call is {"model", "signature",
        "inputs": {name: [index of a string in the pool]}}; timed calls take one string at a time.
    pool.npz: `bytes` uint8, every string one after the other; `ends` int64, where each ends.

Writes to FOLDER:
    report.json: {"foreign": [package that was imported after all], "models": {name: {"assets":
        {file: its bytes, null if missing}, "variables": fault or null, "not_finite": [variable],
        "load": fault or null, "signatures": {name: {"inputs": {name: dtype}, "outputs": {name:
        dtype}}}}}, "faults": {id: fault}, "milliseconds": {id: [x]}}
    answers.npz: '<id>/<output>' arrays.
It prints every step before it begins it, so that its last line shows where it died.
"""

import json
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers ops
from tensorflow.core.protobuf import saved_model_pb2

UNTIMED = 5  # calls before the clock starts
# A loaded model has to stay: its signatures hold its variables only weakly.
KEPT: list[Any] = []

# Errors that say nothing about a model: no memory, or a file system that does not answer.
PASSING = (
    MemoryError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
)

Result = TypeVar("Result")
Signatures = dict[str, dict[str, Any]]  # functions by model and name


def main(folder: str) -> None:
    """Answer the request that lies in a folder."""
    request = json.loads(Path(folder, "request.json").read_text(encoding="utf-8"))
    strings = read_pool(f"{folder}/pool.npz")
    models = {name: inspect(name, where) for name, where in request["models"].items()}
    signatures = {}
    for name, where in request["models"].items():
        signatures[name], models[name]["load"] = load(name, where)
        models[name]["signatures"] = {key: describe(one) for key, one in signatures[name].items()}
    answers, faults, milliseconds = {}, {}, {}
    for key, call in request["calls"].items():
        say(f"calling {key}")
        outputs, fault = attempt(partial(answer, signatures, strings, call))
        if fault:
            faults[key] = fault
        for name, value in (outputs or {}).items():
            answers[f"{key}/{name}"] = value
    for key, call in request["timed"].items():
        say(f"timing {key}")
        measured, fault = attempt(partial(clock, signatures, strings, call, request["times"]))
        if fault:
            faults[key] = fault
        milliseconds[key] = measured or []
    report = {
        "foreign": sorted(set(request["foreign"]) & set(sys.modules)),
        "models": models,
        "faults": faults,
        "milliseconds": milliseconds,
    }
    np.savez(f"{folder}/answers.npz", **answers)  # type: ignore[arg-type]
    Path(folder, "report.json").write_text(json.dumps(report), encoding="utf-8")


def say(what: str) -> None:
    """Print a step before it begins: the last line is what a dead process was doing."""
    print(what, flush=True)  # noqa: T201  the parent reads it


def attempt(act: Callable[[], Result]) -> tuple[Result | None, str | None]:
    """Return (the result, None), or (None, the fault in one line) and print the traceback.

    Raises: one of `PASSING`, which ends this process without a report.
    """
    try:
        return act(), None
    except PASSING:
        raise
    except Exception as error:
        traceback.print_exc()
        text = str(error).strip() or "(without a message)"
        return None, f"{type(error).__name__}: {text.splitlines()[0]}"


def read_pool(path: str) -> list[bytes]:
    """Read the strings of the pool."""
    with np.load(path) as pool:
        joined, ends = pool["bytes"].tobytes(), pool["ends"].tolist()
    return [joined[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def inspect(name: str, folder: str) -> dict[str, Any]:
    """Report on the files of a SavedModel: its assets, and whether every variable can be read."""
    say(f"reading the files of {name}")
    assets, _ = attempt(lambda: asset_sizes(folder))
    not_finite = []
    _, fault = attempt(lambda: not_finite.extend(not_finite_variables(folder)))
    return {"assets": assets or {}, "variables": fault, "not_finite": not_finite}


def asset_sizes(folder: str) -> dict[str, int | None]:
    """Return the size in bytes of every asset that the graph names, None if it is missing."""
    model = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(f"{folder}/saved_model.pb", "rb") as file:
        model.ParseFromString(file.read())
    names = {asset.filename for graph in model.meta_graphs for asset in graph.asset_file_def}
    paths = {name: f"{folder}/assets/{name}" for name in sorted(names)}
    return {
        name: tf.io.gfile.stat(path).length if tf.io.gfile.exists(path) else None
        for name, path in paths.items()
    }


def not_finite_variables(folder: str) -> list[str]:
    """Read every variable, which compares its checksum, and name those with NaN or infinity."""
    reader = tf.train.load_checkpoint(f"{folder}/variables/variables")
    names = []
    for name, dtype in sorted(reader.get_variable_to_dtype_map().items()):
        value = reader.get_tensor(name)
        if dtype.is_floating and not np.isfinite(value.astype(np.float64)).all():
            names.append(name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"))
    return names


def load(name: str, folder: str) -> tuple[dict[str, Any], str | None]:
    """Load a SavedModel; return its signatures, or why there are none."""
    say(f"loading {name}")
    model, fault = attempt(lambda: tf.saved_model.load(folder))
    KEPT.append(model)
    return (dict(model.signatures) if model else {}), fault


def describe(signature: Any) -> dict[str, dict[str, str]]:
    """Return the names of inputs and outputs with their types."""
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    return {
        "inputs": {name: spec.dtype.name for name, spec in inputs.items()},
        "outputs": {name: spec.dtype.name for name, spec in outputs.items()},
    }


def answer(
    signatures: Signatures, strings: list[bytes], call: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Return the outputs of one call."""
    given = {name: [strings[i] for i in indices] for name, indices in call["inputs"].items()}
    function = signatures[call["model"]][call["signature"]]
    outputs = function(**{name: tf.constant(values, tf.string) for name, values in given.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def clock(
    signatures: Signatures, strings: list[bytes], call: dict[str, Any], times: int
) -> list[float]:
    """Time single calls in milliseconds, from a string in memory to its embedding in memory."""
    [(name, indices)] = call["inputs"].items()
    function = signatures[call["model"]][call["signature"]]
    measured = []
    for i in range(UNTIMED + times):
        given = [strings[indices[i % len(indices)]]]
        start = time.perf_counter()
        for value in function(**{name: tf.constant(given, tf.string)}).values():
            value.numpy()
        measured.append(1000 * (time.perf_counter() - start))
    return measured[UNTIMED:]


if __name__ == "__main__":
    main(sys.argv[1])
