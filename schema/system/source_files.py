"""The source files behind a module: its own, and those that it imports of the same project."""

import ast
import importlib.machinery
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

_INSTALLED = tuple(
    Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def source_files(module: str) -> list[Path]:
    """List the files that decide what a module does, without importing any of them.

    What it imports counts if it belongs to the same top-level package or lies outside of Python's
    own and the installed packages, whose versions change with the environment. Imports inside of
    functions count too; those by computed names cannot be seen.

    Args:
        module: dotted name, like 'my_losses.focal'.

    Returns:
        Paths in a stable order; empty if there is no such module.
    """
    top = module.partition(".")[0]
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        for each in _with_parents(name):
            if each in found:
                continue
            spec = find_spec(each)
            if spec is None or not spec.has_location or spec.origin is None:
                continue  # an attribute of a module, a built-in module or a namespace
            path = Path(spec.origin)
            if each.partition(".")[0] != top and _installed(path):
                break
            found[each] = path
            waiting += _imported(path, each, is_package=spec.submodule_search_locations is not None)
    return [found[name] for name in sorted(found)]


def _with_parents(name: str) -> list[str]:
    """'a.b.c' to 'a', 'a.b' and 'a.b.c': importing the last one runs all of them."""
    parts = name.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def find_spec(module: str) -> importlib.machinery.ModuleSpec | None:
    """Find where a module lies, without running any of its code.

    That of importlib imports the packages that it lies in.

    Args:
        module: dotted name.

    Returns:
        None if there is no such module.
    """
    places: Sequence[str] | None = None
    spec = None
    for name in _with_parents(module):
        found = (finder.find_spec(name, places) for finder in sys.meta_path)
        spec = next((each for each in found if each is not None), None)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
    return spec


def _installed(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in _INSTALLED)


def _imported(path: Path, module: str, is_package: bool) -> Iterator[str]:
    """Names that a file imports: modules, and what may be modules or their attributes."""
    if path.suffix != ".py":
        return
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:  # whoever imports it says so better
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if is_package else module.split(".")[:-1]
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names if source)
