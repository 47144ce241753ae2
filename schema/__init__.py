"""Names, errors, registries and text handling that all other packages share.

PyPI has a package `schema`, too. Where this source tree comes first in the path, the names of that
package are found here as well. Diptych's wheel leaves this file out, so that both can be installed
in one environment.
"""

import functools
import importlib.util
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

__path__ = pkgutil.extend_path(__path__, __name__)


def __getattr__(name: str) -> Any:
    other = None if name.startswith("__") else _package_of_pypi()
    if other is None or not hasattr(other, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(other, name)


@functools.cache
def _package_of_pypi() -> ModuleType | None:
    for folder in __path__[1:]:
        if Path(folder, "registry.py").is_file():  # another copy of this package, not PyPI's
            continue
        file = Path(folder, "__init__.py")
        spec = importlib.util.spec_from_file_location(__name__, file) if file.is_file() else None
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    return None
