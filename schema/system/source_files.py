"""List the source files that decide what a module does: its own, and those that it imports.

Files are parsed and nothing is imported. Imports inside of functions count, too, and the packages
that a `Registry` imports; those by other computed names cannot be seen, and those for type checkers
do not count.
"""

import ast
import functools
import importlib.machinery
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder of our packages: of a checkout, of an image, or of all installed packages."""
PACKAGES = ("schema", "trainer", "components", "pipeline", "kubeflow", "diptych")
"""Their own `__init__.py` never counts: it holds no code of a node, and the wheel leaves it out."""
_INSTALLED = tuple(
    Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_ALL = ".*"  # behind a package: each module in it

Locate = Callable[[str], Path | None]


def source_files(module: str) -> list[Path]:
    """List the files behind a module of anybody's, such as a plugin.

    What it imports counts if it belongs to the same top-level package or lies outside of Python's
    own and the installed packages, whose versions change with the environment.

    Args:
        module: dotted name, like 'my_losses.focal'.

    Returns:
        Paths in a stable order; empty if there is no such module.
    """
    top = module.partition(".")[0]

    def locate(name: str) -> Path | None:
        spec = find_spec(name)
        if spec is None:
            return None
        if spec.origin is None or not spec.has_location:  # of a namespace, which has files below it
            return Path(*(spec.submodule_search_locations or [""])[:1])
        path = Path(spec.origin)
        counts = name.partition(".")[0] == top or not _installed(path)
        return path if counts else None

    found = _closure([module], locate)
    return [path for _, path in sorted(found.items()) if path.is_file()]


def own_files(modules: Iterable[str], in_functions: bool = True) -> dict[str, Path]:
    """List the files of ours behind modules of ours.

    Args:
        modules: dotted names.
        in_functions: whether imports inside of functions count, which run later or never.

    Returns:
        Paths by the dotted names of their modules.

    Raises:
        ModuleNotFoundError: one of the modules does not exist.
    """
    modules = list(modules)
    for module in modules:
        if _own(module) is None:
            raise ModuleNotFoundError(f"no module named {module!r} in {ROOT}", name=module)
    return _closure(modules, _own, in_functions)


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
        specs = (finder.find_spec(name, places) for finder in sys.meta_path)
        spec = next((each for each in specs if each is not None), None)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
    return spec


def _closure(modules: Iterable[str], locate: Locate, in_functions: bool = True) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        for name in _with_parents(waiting.pop()):
            if name in found or name in PACKAGES:
                continue
            path = locate(name)
            if path is None:  # an attribute of a module, or somebody else's
                break
            found[name] = path
            for imported in _imported(path, name, in_functions):
                waiting += _modules_of(imported, locate)
    return found


def _modules_of(name: str, locate: Locate) -> list[str]:
    package = name.removesuffix(_ALL)
    if package == name:
        return [name]
    path = locate(package)
    modules = [] if path is None else sorted(path.parent.glob("*.py"))
    return [package, *(f"{package}.{each.stem}" for each in modules if each != path)]


def _own(name: str) -> Path | None:
    top, *_ = names = name.split(".")
    place = ROOT.joinpath(*names)
    files = (place / "__init__.py", place.with_suffix(".py")) if top in PACKAGES else ()
    return next((file for file in files if file.is_file()), None)


def _with_parents(name: str) -> list[str]:
    """'a.b.c' to 'a', 'a.b' and 'a.b.c': importing the last one runs all of them."""
    parts = name.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _installed(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in _INSTALLED)


def _imported(path: Path, module: str, in_functions: bool) -> Sequence[str]:
    """Names that a file imports: modules, and what may be modules or their attributes."""
    if path.suffix != ".py":
        return ()
    status = path.stat()
    return _parsed(path, status.st_mtime_ns, status.st_size, module, in_functions)


@functools.lru_cache(maxsize=4096)
def _parsed(
    path: Path,
    _changed: int,
    _size: int,
    module: str,
    in_functions: bool,
) -> tuple[str, ...]:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:  # whoever imports it says so better
        return ()
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: dict[str, None] = {}
    for statement in _statements(tree.body, in_functions):
        if isinstance(statement, ast.Import):
            found |= dict.fromkeys(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            above = package[: len(package) - statement.level + 1] if statement.level else []
            source = ".".join([*above, *([statement.module] if statement.module else [])])
            found |= dict.fromkeys(f"{source}.{alias.name}" for alias in statement.names if source)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and in_functions:
            found |= dict.fromkeys(f"{each}{_ALL}" for each in _registered(statement.value))
    return tuple(found)


def _statements(body: Iterable[ast.stmt], in_functions: bool) -> Iterator[ast.stmt]:
    """Every statement that may run, in any depth; expressions hold none."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and not in_functions:
            continue
        skipped = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)
        for field in ("orelse",) if skipped else ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, field, ()), in_functions)
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _statements(part.body, in_functions)


def _registered(value: ast.expr | None) -> Iterator[str]:
    """The package whose modules register themselves: of `Registry("loss", "trainer.losses")`."""
    match value:
        case ast.Call(func=ast.Name(id="Registry"), args=[_, ast.Constant(value=str(package))]):
            yield package
