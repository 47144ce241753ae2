"""Import a script of docs/, which is not a package."""

import importlib.util
from types import ModuleType

from tests.support.paths import ROOT


def docs_script(name: str) -> ModuleType:
    """Return the module of `docs/NAME.py`."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
