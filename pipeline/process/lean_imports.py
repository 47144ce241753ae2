"""Import TFX without what no node of ours needs: two seconds less for every run.

Where every node is cached, a run is little more than its imports. `tfx.components` imports all
components of TFX, with TensorFlow Model Analysis and Kubernetes' client; and Keras and
Beam import scikit-learn, Matplotlib and IPython if they are there, for what a run never calls.
Before a node runs, the rest of `tfx.components` is imported after all: it also repairs libraries.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any, Final

TFX, TFMA = "tfx.components", "tensorflow_model_analysis"
_DEFERRED: Final = (TFMA, TFX)  # in the order in which they are imported in the end
# The module of each name of TFX, as the package's own file has it.
COMPONENTS: Final = {
    "BulkInferrer": "bulk_inferrer",
    "CsvExampleGen": "example_gen.csv_example_gen",
    "DistributionValidator": "distribution_validator",
    "Evaluator": "evaluator",
    "ExampleDiff": "example_diff",
    "ExampleValidator": "example_validator",
    "FileBasedExampleGen": "example_gen",
    "ImportExampleGen": "example_gen.import_example_gen",
    "InfraValidator": "infra_validator",
    "ModelValidator": "model_validator",
    "Pusher": "pusher",
    "SchemaGen": "schema_gen",
    "StatisticsGen": "statistics_gen",
    "Trainer": "trainer",
    "Transform": "transform",
    "Tuner": "tuner",
}
OPTIONAL: Final = ("IPython", "ipywidgets", "matplotlib", "sklearn")
"""Libraries that Keras does without, of its wrappers, its galleries and its editor of files; and
Google's clients, which Beam imports, of their progress bars, and TFDV of its pictures."""


def import_tfx() -> None:
    """Import TensorFlow and TFX; components of TFX are imported when their names are used.

    What was imported before stays as it is.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    with _hidden(OPTIONAL):
        for name in ("tensorflow", "tfx", "apache_beam", "tensorflow_data_validation"):
            importlib.import_module(name)


def import_the_rest() -> None:
    """Import what TFX itself would have imported, for nodes that run."""
    for name in _DEFERRED:
        package = sys.modules.get(name)
        if package is not None:
            _complete(package)


def _complete(package: types.ModuleType) -> None:
    """Run the package's own file, if that was deferred."""
    if package.__dict__.pop("__getattr__", None) is None:
        return
    spec = importlib.machinery.PathFinder.find_spec(package.__name__, _path_of(package.__name__))
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(package)
    if package.__name__ == TFMA:
        _repair(package)


def _repair(tfma: types.ModuleType) -> None:
    """Give TFMA the names of its configuration, as `tfx.components` does where it runs.

    TFX's own components use them, which a plugin may import by `from tfx import v1`.
    """
    from tensorflow_model_analysis.proto import config_pb2

    for name in config_pb2.DESCRIPTOR.message_types_by_name:
        if not hasattr(tfma, name):
            setattr(tfma, name, getattr(config_pb2, name))


def _path_of(name: str) -> Sequence[str] | None:
    parent = name.rpartition(".")[0]
    return sys.modules[parent].__path__ if parent else None


@contextlib.contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """Let imports of libraries fail meanwhile, except of those that are imported already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


class _Finder(importlib.abc.MetaPathFinder):
    """Find the packages that are deferred, and let their parts be found where they are."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _DEFERRED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _Loader()
        return spec


class _Loader(importlib.abc.Loader):
    """Make a package whose own file runs once a name of it is used that is no part of it."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Let Python make the module."""

    def exec_module(self, module: types.ModuleType) -> None:
        package = module.__name__

        def named(name: str) -> Any:
            if name == "__all__":  # of `import *`
                _complete(module)
                return module.__dict__[name]
            if name.startswith("__"):
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            if package == TFX and name in COMPONENTS:
                part = importlib.import_module(f"{package}.{COMPONENTS[name]}.component")
                return getattr(part, name)
            whole = f"{package}.{name}"
            if importlib.machinery.PathFinder.find_spec(whole, module.__path__) is not None:
                return importlib.import_module(whole)
            _complete(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = named
