"""The house rules that a reader relies on: who imports whom, and one place for each name."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ORDER = ("schema", "trainer", "components", "pipeline", "kubeflow")
SOURCES = [path for package in ORDER for path in sorted((ROOT / package).rglob("*.py"))]
CALLED_BY_TFX = {
    "trainer/run.py",
    "trainer/tuning/run.py",
    "trainer/preprocessing/preprocessing_fn.py",
}


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_flow_one_way(path: Path) -> None:
    mine = ORDER.index(path.relative_to(ROOT).parts[0])
    assert not imported(path) & set(ORDER[mine + 1 :])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "trainer").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_only_what_tfx_calls_in_the_trainer_knows_beam_or_tfx(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() not in CALLED_BY_TFX:
        assert not imported(path) & {"apache_beam", "tfx", "ml_metadata"}


def test_the_rule_would_be_seen_broken(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from pipeline import cli\n")
    assert imported(bad) == {"pipeline"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_feature_names_are_typed_once(path: Path) -> None:
    # Files of other people's have names of theirs, some of which look like ours.
    foreign = ROOT / "components" / "example_gen" / "readers" / "columns.py"
    if path in (ROOT / "schema" / "features.py", foreign):
        return
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    prefixes = ("image/", "text/", "attributes/")
    assert not {s for s in strings if s.startswith(prefixes) and " " not in s}
