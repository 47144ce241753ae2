"""Python modules beside a config file: plugins, and a loss of the user's own."""

import importlib
import importlib.util
import sys
from pathlib import Path

from schema.errors import InputError

FOLDERS: list[str] = []
"""Folders that were added to Python's path, for processes that this one starts."""


def make_importable(key: str, module: str, file: Path) -> None:
    """Let a module that the config names be found in the config's folder.

    The folder goes to the end of Python's path and only where it holds the module, so that it
    hides nothing. No code of it is run.

    Args:
        key: of the config that names the module.
        module: dotted name.
        file: where the config stands.

    Raises:
        InputError: another module of that name comes first.
    """
    folder, top = file.resolve().parent, module.partition(".")[0]
    here = folder / top
    if not (here.is_dir() or here.with_suffix(".py").is_file()):
        return
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
        FOLDERS.append(str(folder))
    spec = importlib.util.find_spec(top)  # without a parent, nothing is imported
    if spec is None or spec.origin is None:
        return
    # Python's path may lead to the same file by another name, such as a link.
    mine = here / "__init__.py" if here.is_dir() else here.with_suffix(".py")
    if Path(spec.origin).is_relative_to(folder) or (mine.exists() and mine.samefile(spec.origin)):
        return
    raise InputError(
        f"{key} = {module!r}: the module {top} beside the config is hidden by {spec.origin}; "
        "give it another name"
    )
