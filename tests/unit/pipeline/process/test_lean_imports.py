"""What a run imports before it knows whether any node has to run."""

import json
import os
import subprocess
import sys

import pytest

LEAN = """
import json, sys
from pipeline.process.lean_imports import COMPONENTS, OPTIONAL, import_tfx, import_the_rest

import_tfx()
import pipeline.create_pipeline, pipeline.local.runner

heavy = (*OPTIONAL, "kubernetes", "keras_tuner", "nltk", "altair", "onnx", "scipy.stats")
loaded = [name for name in heavy if name in sys.modules]
loaded += [name for name in sys.modules if name == "tensorflow_model_analysis.metrics"]
import tfx.components, tensorflow_model_analysis as tfma
from tfx.components import Trainer
try:
    tfx.components.NoSuchThing
except AttributeError as error:
    missing = str(error)
import_the_rest()
import components.evaluator.executor
import sklearn
from pipeline.create_pipeline import Evaluator

print(json.dumps({
    "loaded": loaded,
    "missing": missing,
    "same": tfx.components.Trainer is Trainer,
    "names": sorted(tfx.components.__all__) == sorted(COMPONENTS),
    "all": all(getattr(tfx.components, name) is not None for name in COMPONENTS),
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

named = {}
exec("from tfx.components import *", named)
print(json.dumps({
    "v1": v1.components.Evaluator.__module__,
    "specs": [tfma.EvalConfig.__name__, tfma.MetricsSpec.__name__],
    "star": named["Evaluator"] is v1.components.Evaluator,
}))
"""


def last_line(program: str) -> dict:
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


def test_the_rest_of_tfx_is_as_if_it_had_been_imported_at_once(outcome):
    assert outcome["same"]
    assert outcome["names"]  # fails when TFX has other components
    assert outcome["all"]
    assert outcome["tfma"] == "EvalConfig"
    assert outcome["missing"] == "module 'tfx.components' has no attribute 'NoSuchThing'"


def test_the_executor_is_imported_where_the_node_runs(outcome):
    assert outcome["executor"] == "components.evaluator.component.DeferredExecutor"
    assert outcome["base"] == "tfx.components.evaluator.executor"


def test_a_plugin_imports_components_of_tfx_in_any_way():
    assert last_line(PLUGIN) == {
        "v1": "tfx.components.evaluator.component",
        "specs": ["EvalConfig", "MetricsSpec"],
        "star": True,
    }
