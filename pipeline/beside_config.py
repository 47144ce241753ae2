"""Python modules beside a config file, for a loss of the user's own."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any


def make_importable(values: dict[Any, Any], folder: Path) -> str | None:
    """Let the module that `loss.function` names be imported from the config's folder.

    The folder goes to the end of Python's path and only where it holds the module, so that it
    hides nothing.

    Args:
        values: of the config file, not checked yet.
        folder: of the config file.

    Returns:
        What is wrong: another module of that name comes first; None: nothing.
    """
    loss = values.get("loss")
    function = loss.get("function") if isinstance(loss, dict) else None
    if not isinstance(function, str):
        return None
    top = function.partition(".")[0]
    here = folder / top
    if not (here.is_dir() or here.with_suffix(".py").is_file()):
        return None
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    # Python's path may lead to the same file by another name, such as a link.
    mine = here / "__init__.py" if here.is_dir() else here.with_suffix(".py")
    if Path(spec.origin).is_relative_to(folder) or (mine.exists() and mine.samefile(spec.origin)):
        return None
    return (
        f"loss.function = {function!r}: the module {top} beside the config is hidden by "
        f"{spec.origin}; give it another name"
    )
