"""The house rules that a reader relies on: who imports whom, and how much is in one place."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ORDER = ("schema", "trainer", "components", "pipeline", "kubeflow", "diptych")
SOURCES = [path for package in ORDER for path in sorted((ROOT / package).rglob("*.py"))]
CALLED_BY_TFX = {"trainer/run.py", "trainer/tuning/run.py"}
PACKAGES = sorted({path.parent for path in SOURCES})
LONGEST, MOST_FILES = 250, 14


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Top-level packages a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_flow_one_way(path: Path) -> None:
    mine = ORDER.index(path.relative_to(ROOT).parts[0])
    assert not imported(path) & set(ORDER[mine + 1 :])


@pytest.mark.parametrize("path", sorted((ROOT / "trainer").rglob("*.py")), ids=name)
def test_only_what_tfx_calls_in_the_trainer_knows_beam_or_tfx(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() not in CALLED_BY_TFX:
        assert not imported(path) & {"apache_beam", "tfx", "ml_metadata"}


def test_the_rule_would_be_seen_broken(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from pipeline import cli\n")
    assert imported(bad) == {"pipeline"}


def module(path: Path) -> str:
    """The dotted name of a file; of a package that of its folder."""
    place = path.parent if path.name == "__init__.py" else path.with_suffix("")
    return ".".join(place.relative_to(ROOT).parts)


MODULES = {module(path) for path in SOURCES}


def imported_modules(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from MODULES & {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from MODULES & {inner if inner in MODULES else node.module}


def imports_between_entries() -> dict[str, dict[str, set[str]]]:
    """By package: which of its files and subfolders import which others."""
    between: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in SOURCES:
        mine = module(path).split(".")
        for other in imported_modules(path):
            theirs = other.split(".")
            pairs = enumerate(zip(mine, theirs, strict=False))
            shared = next((i for i, (a, b) in pairs if a != b), None)
            if shared:  # None: one lies in the other; 0: two top-level packages
                between["/".join(mine[:shared])][mine[shared]].add(theirs[shared])
    return between


BETWEEN = imports_between_entries()


def circle(graph: dict[str, set[str]]) -> set[str]:
    """What is left when all that imports nothing, or is imported by nothing, was taken away."""
    left = set(graph)
    while True:
        imported = {other for entry in left for other in graph[entry]}
        inside = {entry for entry in left & imported if graph[entry] & left}
        if inside == left:
            return left
        left = inside


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_no_files_or_folders_of_a_package_import_each_other_in_a_circle(package: Path) -> None:
    assert circle(BETWEEN[name(package)]) == set()


def test_a_circle_would_be_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == set()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_a_folder_has_few_files(package: Path) -> None:
    files = [path for path in package.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MOST_FILES


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_feature_names_are_typed_once(path: Path) -> None:
    # Files of other people's have names of theirs, some of which look like ours.
    foreign = ROOT / "components" / "example_gen" / "readers" / "tables" / "columns.py"
    if path in (ROOT / "schema" / "features.py", foreign):
        return
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    prefixes = ("image/", "text/", "attributes/")
    assert not {s for s in strings if s.startswith(prefixes) and " " not in s}
