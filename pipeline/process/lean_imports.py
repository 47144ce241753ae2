"""Import TFX without what only nodes need that run: four seconds less where all are cached.

TensorFlow, TensorFlow Model Analysis and the package of TFX's components are put into place without
running their own files, which happens as soon as something of them is used. Parts that need no
more, such as protocol buffers, are imported alone. Before a node runs, all three are imported
as TFX itself would have done it: `tfx.components` also repairs libraries.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any, Final

TENSORFLOW, TFMA, TFX = "tensorflow", "tensorflow_model_analysis", "tfx.components"
_DEFERRED: Final = (TENSORFLOW, TFMA, TFX)
_ALONE: Final = ("tensorflow.core", "tensorflow.core.example")
"""The parts of TensorFlow that are imported without the rest: the protocol buffers of records."""
_DOCS: Final = "tensorflow.tools"  # of decorators for documentation, which TFX does without
OPTIONAL: Final = ("IPython", "ipywidgets", "matplotlib", "sklearn")
"""Libraries that Keras does without, of its wrappers, its galleries and its editor of files; and
Google's clients, which Beam imports, of their progress bars, and TFDV of its pictures."""
_waiting: set[str] = set()  # packages that were put into place, and whose files have not run
# Of TFX's registry of file systems, where the lowest counts; TensorFlow's has 10.
_PREFERRED, _AS_IN_TFX = 9, 20


def import_tfx() -> None:
    """Import what builds a pipeline and looks into the cache; the rest once it is used.

    What was imported before stays as it is.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    with _hidden((*OPTIONAL, _DOCS)):
        importlib.import_module("tfx.orchestration.portable.launcher")
    _look_at_local_files_by(_PREFERRED)


def import_the_rest() -> None:
    """Import what TFX itself would have imported, for nodes that run."""
    with _hidden(OPTIONAL):
        _complete_if_there(TENSORFLOW)
        importlib.import_module("tensorflow_data_validation")
    _complete_if_there(TFMA)
    _complete_if_there(TFX)
    restore_files()


def restore_files() -> None:
    """Let TFX look at files as it does itself, whether or not a node ran."""
    if "tfx.dsl.io.filesystem_registry" in sys.modules:
        _look_at_local_files_by(_AS_IN_TFX)


def _look_at_local_files_by(priority: int) -> None:
    """Let TFX look at local files by Python's functions, or by TensorFlow's again."""
    from tfx.dsl.io import filesystem_registry
    from tfx.dsl.io.plugins.tensorflow_gfile import TensorflowFilesystem

    from components.example_gen.storage.tfx_filesystem import LocalFiles

    register = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register
    register(LocalFiles, priority)
    register(TensorflowFilesystem, 10, use_as_fallback=True)


def _complete_if_there(name: str) -> None:
    package = sys.modules.get(name)
    if package is not None:
        _complete(package)


def _complete(package: types.ModuleType) -> None:
    """Run the package's own file, if that was deferred."""
    name = package.__name__
    if name not in _waiting:
        return
    _waiting.remove(name)
    del package.__dict__["__getattr__"]
    parent = name.rpartition(".")[0]
    places = sys.modules[parent].__path__ if parent else None
    spec = importlib.machinery.PathFinder.find_spec(name, places)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(package)
    if name == TFMA:
        _repair(package)


def _repair(tfma: types.ModuleType) -> None:
    """Give TFMA the names of its configuration, as `tfx.components` does where it runs.

    TFX's own components use them, which a plugin may import by `from tfx import v1`.
    """
    from tensorflow_model_analysis.proto import config_pb2

    for name in config_pb2.DESCRIPTOR.message_types_by_name:
        if not hasattr(tfma, name):
            setattr(tfma, name, getattr(config_pb2, name))


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


def _is_alone(name: str) -> bool:
    return name in _ALONE or name.rpartition(".")[0] == _ALONE[-1]


class _Finder(importlib.abc.MetaPathFinder):
    """Find the packages that are deferred, and let their parts be found where they are."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name in _DEFERRED:
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = _Loader()
            return spec
        if TENSORFLOW in _waiting and name.startswith(f"{TENSORFLOW}.") and not _is_alone(name):
            _complete(sys.modules[TENSORFLOW])
            if name in sys.modules:  # it imports most of its parts itself
                return importlib.machinery.ModuleSpec(name, _Imported())
            # Its own file adds to the places of its parts, Keras among them.
            places = sys.modules[name.rpartition(".")[0]].__path__
            return importlib.machinery.PathFinder.find_spec(name, places, target)
        return None


class _Loader(importlib.abc.Loader):
    """Make a package whose own file runs once a name of it is used that is no part of it."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Let Python make the module."""

    def exec_module(self, module: types.ModuleType) -> None:
        package = module.__name__
        _waiting.add(package)

        def named(name: str) -> Any:
            if name.startswith("__") and name not in ("__all__", "__version__"):
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            whole = f"{package}.{name}"
            if package != TENSORFLOW and importlib.machinery.PathFinder.find_spec(
                whole, module.__path__
            ):
                return importlib.import_module(whole)
            _complete(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = named


class _Imported(importlib.abc.Loader):
    """Answer with a module that was imported while it was looked for."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: it ran."""
