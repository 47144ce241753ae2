"""What a run imports before it knows whether any node has to run."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

LEAN = """
import json, sys
from pipeline.process.lean_imports import OPTIONAL, import_tfx, import_the_rest

import_tfx()
import pipeline.create_pipeline, pipeline.local.runner

heavy = (
    *OPTIONAL, "tensorflow.python", "keras", "tf_keras", "tensorflow_text", "tensorflow_transform",
    "tensorflow_data_validation", "kubernetes", "keras_tuner", "nltk", "altair", "onnx",
    "tensorflow_model_analysis.metrics", "mlflow",
)
loaded = [name for name in heavy if name in sys.modules]
import tfx.components, tensorflow_model_analysis as tfma
from tfx.dsl.io import fileio
from tfx.dsl.io.plugins import tensorflow_gfile

def sizes():
    found = fileio.stat(sys.executable)
    return [found.length, found.mtime_nsec]

as_python_says = sizes()
is_lean = "tensorflow.python" not in sys.modules
import_the_rest()
registry = fileio.filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
from tensorflow.python.framework import tensor
import tensorflow as tf
import components.evaluator.executor
import sklearn
from pipeline.create_pipeline import Evaluator

try:
    tfx.components.NoSuchThing
except AttributeError as error:
    missing = str(error)
print(json.dumps({
    "loaded": loaded,
    "lean_files": is_lean,
    "same_files": sizes() == as_python_says,
    "tensorflow_files": registry.get_filesystem_for_path("/x").__name__,
    "missing": missing,
    "tensorflow": tf.constant([2]).numpy().tolist(),
    "one_tensorflow": tensor.Tensor is tf.Tensor,
    "tfma": tfma.EvalConfig.__name__,
    "executor": Evaluator.EXECUTOR_SPEC.class_path,
    "base": components.evaluator.executor.Executor.__mro__[1].__module__,
}))
"""


PLUGIN = """
import json
from pipeline.process.lean_imports import import_tfx

import_tfx()
from tfx import v1
import tensorflow_model_analysis as tfma
from tfx.components import Trainer

named = {}
exec("from tfx.components import *", named)
print(json.dumps({
    "v1": v1.components.Evaluator.__module__,
    "specs": [tfma.EvalConfig.__name__, tfma.MetricsSpec.__name__],
    "star": named["Trainer"] is v1.components.Trainer is Trainer,
}))
"""

PARTS_FIRST = """
import json, sys
from pipeline.process.lean_imports import import_tfx

import_tfx()
before = "tensorflow.python" in sys.modules
from tensorflow.python.framework import ops, tensor  # runs all of TensorFlow first
import tensorflow as tf
from tensorflow import keras
print(json.dumps({
    "before": before,
    "version": tf.__version__.count("."),
    "tensor": ops.convert_to_tensor([3]).numpy().tolist(),
    "same": tf.Tensor is tensor.Tensor and tf.keras.layers.Dense is keras.layers.Dense,
    "python": sys.modules["tensorflow.python"].__spec__.name,
}))
"""

KERAS_FIRST = """
import json, sys
from pipeline.process.lean_imports import import_tfx

import_tfx()
from tensorflow.keras import layers  # which TensorFlow's own file makes a part of it
import tensorflow as tf
print(json.dumps(layers.Dense is tf.keras.layers.Dense))
"""


AFTER_A_CACHED_RUN = """
import json, sys
from pipeline.process.lean_imports import import_tfx, restore_files

restore_files()
import_tfx()
from tfx.dsl.io import filesystem_registry
def of_a_path():
    registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
    return registry.get_filesystem_for_path("/a").__name__
before = of_a_path()
restore_files()
print(json.dumps([before, of_a_path(), "tensorflow.python" in sys.modules]))
"""


def last_line(program: str) -> Any:
    """In a process of its own, since this one has imported everything."""
    # As a command finds it: TFX and TensorFlow set variables that choose what is imported.
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def outcome() -> dict:
    return last_line(LEAN)


def test_a_run_imports_nothing_heavy_that_only_nodes_need(outcome):
    assert outcome["loaded"] == []


def test_a_run_looks_at_files_without_tensorflow_until_a_node_runs(outcome):
    assert outcome["lean_files"]
    assert outcome["same_files"]
    assert outcome["tensorflow_files"] == "TensorflowFilesystem"


def test_the_rest_of_tfx_is_as_if_it_had_been_imported_at_once(outcome):
    assert outcome["tensorflow"] == [2]
    assert outcome["one_tensorflow"]
    assert outcome["tfma"] == "EvalConfig"
    assert outcome["missing"] == "module 'tfx.components' has no attribute 'NoSuchThing'"


def test_the_executor_is_imported_where_the_node_runs(outcome):
    assert outcome["executor"] == "components.evaluator.component.Executor"
    assert outcome["base"] == "tfx.components.evaluator.executor"


def test_a_plugin_imports_components_of_tfx_in_any_way():
    assert last_line(PLUGIN) == {
        "v1": "tfx.components.evaluator.component",
        "specs": ["EvalConfig", "MetricsSpec"],
        "star": True,
    }


def test_a_plugin_imports_parts_of_tensorflow_in_any_order():
    assert last_line(PARTS_FIRST) == {
        "before": False,
        "version": 2,
        "tensor": [3],
        "same": True,
        "python": "tensorflow.python",
    }


def test_a_plugin_imports_keras_as_a_part_of_tensorflow_first():
    assert last_line(KERAS_FIRST)


def test_files_are_tensorflows_again_after_a_run_in_which_no_node_ran():
    assert last_line(AFTER_A_CACHED_RUN) == ["LocalFiles", "TensorflowFilesystem", False]
