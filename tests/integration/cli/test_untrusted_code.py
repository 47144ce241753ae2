"""A config may name code of the user's own: only training and `check` run it, and if it ends the
process, that is a failure."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.pipeline import Pipeline
from typer.testing import CliRunner

from diptych.cli.main import app
from kubeflow.entrypoint import __main__ as entrypoint
from pipeline.config.load_to_train import load_to_compile
from pipeline.local import runner
from schema.system.source_files import find_spec
from tests.support.changed_config import load_changed
from trainer.export.digests import content_digests

PACKAGE = """
import pathlib, sys
pathlib.Path(__file__).with_name("was_run").touch()
sys.exit(0)
"""


@pytest.fixture
def leaving(tmp_path) -> Iterator[Path]:
    """A config beside a package that leaves a file and ends the process when it is imported."""
    package = tmp_path / "leaving_package"
    (package / "losses").mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    (package / "losses" / "__init__.py").write_text("def loss(s, y): return 0.0")
    load_changed(
        tmp_path,
        workspace=str(tmp_path / "runs"),
        push={"path": "serving"},
        loss={"name": "custom", "function": "leaving_package.losses.loss"},
    )
    yield tmp_path
    sys.path[:] = [each for each in sys.path if each != str(tmp_path)]


def was_run(folder: Path) -> bool:
    return (folder / "leaving_package" / "was_run").exists()


@pytest.mark.parametrize(
    "command", ["releases", "promote 1", "rollback", "why", "why 1", "evaluate 1 .",
                "quarantine list", "quarantine retry"],
)  # fmt: skip
def test_what_looks_at_releases_and_records_imports_nothing(leaving, command):
    file = str(leaving / "config.yaml")
    ended = CliRunner().invoke(app, [*command.split(), "--config", file])
    assert ended.exit_code == (0 if command == "releases" else 1)
    assert not was_run(leaving)
    assert str(leaving) not in sys.path


def test_compiling_reads_its_source_and_does_not_import_it(leaving):
    config = load_to_compile(leaving / "config.yaml")
    first = content_digests(config)["loss.function"]
    (leaving / "leaving_package" / "losses" / "__init__.py").write_text("x = 1")
    assert content_digests(config)["loss.function"] != first
    assert not was_run(leaving)


@pytest.mark.parametrize("command", ["run", "check"])
def test_an_exit_of_its_package_is_a_failure_of_the_config(leaving, command):
    file = leaving / "config.yaml"
    ended = CliRunner().invoke(app, [command, str(file)])
    assert ended.exit_code == 2
    assert ended.stderr == (
        f"diptych: {file}: loss.function = leaving_package.losses.loss cannot be imported: "
        "SystemExit: 0\n"
    )
    assert was_run(leaving)


def test_modules_are_found_as_python_finds_them():
    assert find_spec("no_such_package.inner") is None
    assert find_spec("json.no_such_module") is None
    found = find_spec("json.decoder")
    assert found is not None
    assert found.origin == json.decoder.__file__
    assert find_spec("sys") is not None


@component
def Leaves() -> None:
    """End the process with success."""
    sys.exit(0)


def test_a_node_that_ends_the_process_has_failed(tmp_path):
    pipeline = Pipeline("leaving", pipeline_root=str(tmp_path / "root"), components=[Leaves()])
    with pytest.raises(runner.StoppedError, match="Leaves failed") as caught:
        runner.run(pipeline, tmp_path, lambda node, outcome: None)
    assert isinstance(caught.value.__cause__, SystemExit)


def test_a_pod_whose_node_ends_the_process_has_failed(monkeypatch, capsys):
    def leave(arguments):
        sys.exit(0)

    monkeypatch.setattr(entrypoint, "parse", leave)
    assert entrypoint.main([]) == 1
    assert capsys.readouterr().err.endswith("diptych: entrypoint: failed with SystemExit: 0\n")


def test_a_command_that_a_library_ends_has_failed(leaving, monkeypatch):
    monkeypatch.setattr("diptych.cli.releases.show", lambda *_: sys.exit(0))
    ended = CliRunner().invoke(app, ["releases", "--config", str(leaving / "config.yaml")])
    assert ended.exit_code == 1
    assert ended.stderr == (
        "diptych: a library ended the process before the command was done (exit 0)\n"
    )
