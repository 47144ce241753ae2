"""The digest of a node's code sees each file that the node runs, and no other."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.nodes import NODES
from pipeline.code_digest import node_digest
from schema.system import source_files
from schema.system.source_files import own_files
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Modules of ours that Python imports with those that each node starts from."""
    program = ROOT / "tests" / "support" / "programs" / "imported_modules.py"
    nodes = {node_id: node.modules for node_id, node in NODES.items()}
    ended = subprocess.run(
        [sys.executable, program], input=json.dumps(nodes), capture_output=True, text=True,
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=True,
    )  # fmt: skip
    return {node_id: set(modules) for node_id, modules in json.loads(ended.stdout).items()}


@pytest.mark.parametrize("node_id", sorted(NODES))
def test_it_covers_what_python_really_imports(imported, node_id):
    at_once = own_files(NODES[node_id].modules, in_functions=False)
    with_functions = own_files(NODES[node_id].modules)
    assert set(at_once) <= imported[node_id] <= set(with_functions)


def runs(node_id: str, file: str) -> bool:
    return ROOT / file in own_files(NODES[node_id].modules).values()


@pytest.mark.parametrize(
    ("file", "where", "nowhere"),
    [
        ("schema/registry.py", {"Trainer"}, {"StatisticsGen"}),
        ("trainer/preprocessing/word_piece_graph.py", {"Transform"}, {"Baseline", "Evaluator"}),
        ("trainer/models/dual_encoder.py", {"Trainer", "Tuner"}, {"Transform", "Evaluator"}),
        ("trainer/tuning/trials.py", {"Tuner"}, {"Transform", "ServingCheck"}),
        ("components/evaluator/tfma/extractor.py", {"Evaluator"}, {"Trainer"}),  # TFMA imports it
        ("components/serving_check/clients/client_program.py", {"ServingCheck"}, {"Evaluator"}),
        ("components/example_gen/component.py", {"ImageTextExampleGen"}, {"Trainer", "Pusher"}),
    ],
)
def test_a_file_counts_where_it_runs(file, where, nowhere):
    running = {node_id for node_id in NODES if runs(node_id, file)}
    assert where <= running
    assert not nowhere & running


def test_editing_the_tuner_does_not_train_again():
    assert not runs("Trainer", "trainer/tuning/trials.py")


def test_nothing_that_only_makes_or_runs_the_pipeline_counts():
    for node_id, node in NODES.items():
        packages = {module.partition(".")[0] for module in own_files(node.modules)}
        assert packages <= {"schema", "trainer", "components"}, node_id
        assert "components.nodes" not in own_files(node.modules)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the same names as ours, whose Pusher has few files."""
    files = {
        "schema/__init__.py": "",
        "schema/words.py": "",
        "components/__init__.py": "",
        "components/pusher/__init__.py": "",
        "components/pusher/component.py": (
            "from typing import TYPE_CHECKING\n"
            "from components.pusher.registry import GATES\n"
            "if TYPE_CHECKING:\n    from schema import types\n"
            "class Executor:\n"
            "    def Do(self):\n"
            "        try:\n            from schema.words import WORDS\n"
            "        except ImportError:\n            pass\n"
        ),
        "components/pusher/registry.py": (
            "from schema.registry import Registry\n"
            "GATES: Registry[int] = Registry('gate', 'components.pusher.gates')\n"
        ),
        "components/pusher/gates/__init__.py": "",
        "components/pusher/gates/highest.py": "from . import _shared",
        "components/pusher/gates/_shared.py": "",
        "components/pusher/unused.py": "",
        "schema/types.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(source_files, "ROOT", tmp_path)
    return tmp_path


def test_each_edit_of_a_file_that_runs_changes_it_and_no_other_does(project):
    changing = set()
    files = sorted(project.rglob("*.py"))
    for file in files:
        before = node_digest("Pusher")
        file.write_text(f"{file.read_text()}\n# edited\n")
        if node_digest("Pusher") != before:
            changing.add(file.relative_to(project).as_posix())
    every = {file.relative_to(project).as_posix() for file in files}
    tops = {"schema/__init__.py", "components/__init__.py"}
    assert changing == every - tops - {"components/pusher/unused.py", "schema/types.py"}


def test_it_is_the_same_without_the_files_that_the_wheel_leaves_out(project):
    before = node_digest("Pusher")
    (project / "schema" / "__init__.py").unlink()
    (project / "components" / "__init__.py").unlink()
    assert node_digest("Pusher") == before


def test_a_module_that_does_not_exist_is_named(project):
    (project / "components" / "pusher" / "component.py").unlink()
    with pytest.raises(ModuleNotFoundError, match=r"no module named 'components\.pusher\.comp"):
        node_digest("Pusher")


def test_an_installed_copy_has_the_same_digests(tmp_path):
    for package in source_files.PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    program = (
        "from components.nodes import NODES; from pipeline.code_digest import node_digest\n"
        "print(*map(node_digest, sorted(NODES)))"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True,
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert ended.stdout.split() == [node_digest(node_id) for node_id in sorted(NODES)]


def test_all_digests_take_no_time():
    source_files._parsed.cache_clear()
    before = time.process_time()
    assert len({node_digest(node_id) for node_id in NODES}) > 5
    assert time.process_time() - before < 1.5  # 0.4 s
