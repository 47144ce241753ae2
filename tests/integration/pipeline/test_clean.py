"""What goes from a workspace and what stays, by the metadata store that says how each part went."""

import json
import sqlite3
from pathlib import Path

import pytest
import yaml
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from ml_metadata.proto.metadata_store_pb2 import Event, Execution
from typer.testing import CliRunner

from diptych.cli.clean import in_bytes
from diptych.cli.main import app
from pipeline.local import clean, metadata_cleanup
from pipeline.process import temporary_folder
from pipeline.process.workspace_lock import locked
from tests.support.small_run import small_values

DATA, TRAIN = "ImageTextExampleGen", "Trainer"


class Workspace:
    """A workspace whose runs a test makes up."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.store = MetadataStore(clean.connection(folder))
        self.types = {}
        for name, put, kind in (
            ("node", self.store.put_context_type, metadata_store_pb2.ContextType),
            ("cache", self.store.put_context_type, metadata_store_pb2.ContextType),
            ("data", self.store.put_artifact_type, metadata_store_pb2.ArtifactType),
            ("work", self.store.put_execution_type, metadata_store_pb2.ExecutionType),
        ):
            self.types[name] = put(kind(name=name))

    def ran(self, node: str, state: int, made_from: list[int], cached: int | None = None) -> int:
        """Record an execution with a folder of its own, unless its output is a cached one.

        Returns:
            The id of its artifact, which is not that of the execution.
        """
        [execution] = self.store.put_executions(
            [Execution(type_id=self.types["work"], last_known_state=state)]
        )
        where = self.folder / "artifacts" / node / "output" / str(execution)
        if cached is None:
            where.mkdir(parents=True)
            (where / "file").write_text("ten bytes.")
            artifact = metadata_store_pb2.Artifact(type_id=self.types["data"], uri=str(where))
            [cached] = self.store.put_artifacts([artifact])
        events = [(each, Event.INPUT) for each in made_from]
        if state in clean.DONE:
            events.append((cached, Event.OUTPUT))
        self.store.put_events(
            [Event(artifact_id=a, execution_id=execution, type=kind) for a, kind in events]
        )
        names = {"node": f"small.{node}", "cache": f"cache {execution}"}
        for kind, name in names.items():
            context = metadata_store_pb2.Context(type_id=self.types[kind], name=name)
            known = self.store.get_context_by_type_and_name(kind, name)
            [id_] = [known.id] if known else self.store.put_contexts([context])
            link = metadata_store_pb2.Association(context_id=id_, execution_id=execution)
            self.store.put_attributions_and_associations([], [link])
        return cached

    def folders(self) -> set[str]:
        """What is in artifacts, by node and number."""
        found = (self.folder / "artifacts").glob("*/*/*")
        return {f"{each.parent.parent.name} {each.name}" for each in found}

    def states(self) -> list[int]:
        return [each.last_known_state for each in self.store.get_executions()]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "runs")


def test_a_killed_run_is_settled(workspace):
    data = workspace.ran(DATA, Execution.COMPLETE, [])
    workspace.ran(TRAIN, Execution.RUNNING, [data])
    workspace.ran(TRAIN, Execution.FAILED, [data])
    workspace.ran("Evaluator", Execution.NEW, [data])
    of_tfx = workspace.folder / "artifacts" / TRAIN / ".system" / "stateful_working_dir" / "x"
    of_tfx.mkdir(parents=True)
    unknown = workspace.folder / "artifacts" / TRAIN / "output" / "77"  # another store's
    unknown.mkdir()
    foreign = workspace.folder / "artifacts" / "mine" / "output" / "1"
    foreign.mkdir(parents=True)
    for _ in range(2):  # a second time there is nothing to do
        clean.sweep(workspace.folder)
        assert workspace.states() == [
            *(Execution.COMPLETE, Execution.CANCELED, Execution.FAILED, Execution.CANCELED),
        ]
        assert workspace.folders() == {f"{DATA} 1", "mine 1"}
        assert not of_tfx.exists()
        assert sorted(each.name for each in workspace.folder.iterdir()) == [
            *("artifacts", clean.METADATA),
        ]


def test_a_removal_that_was_killed_is_finished(workspace, monkeypatch):
    workspace.ran(TRAIN, Execution.RUNNING, [])
    monkeypatch.setattr(clean.shutil, "rmtree", lambda *_, **__: None)  # killed before it
    clean.sweep(workspace.folder)
    assert workspace.folders() == set()
    assert len(list((workspace.folder / clean.GOING).iterdir())) == 1
    monkeypatch.undo()
    clean.sweep(workspace.folder)
    assert not (workspace.folder / clean.GOING).exists()


def many_runs(workspace: Workspace) -> None:
    """Of the third run the trainer is cached; the fourth was killed in the evaluation."""
    old = workspace.ran(DATA, Execution.COMPLETE, [])  # 1
    workspace.ran(TRAIN, Execution.COMPLETE, [old])  # 2
    data = workspace.ran(DATA, Execution.COMPLETE, [])  # 3
    model = workspace.ran(TRAIN, Execution.COMPLETE, [data])  # 4
    workspace.ran("Evaluator", Execution.COMPLETE, [data, model])  # 5
    newest = workspace.ran(DATA, Execution.COMPLETE, [])  # 6
    workspace.ran(TRAIN, Execution.CACHED, [data], cached=model)  # 7
    workspace.ran("Evaluator", Execution.RUNNING, [newest])  # 8


def test_what_the_newest_of_each_node_was_made_from_stays(workspace):
    many_runs(workspace)
    clean.cancel_running(workspace.folder)
    clean.remove(clean.half(workspace.folder), workspace.folder)
    assert {f"{TRAIN} 2", f"{DATA} 1"} < workspace.folders()
    clean.remove(clean.outdated(workspace.folder), workspace.folder)
    assert workspace.folders() == {f"{DATA} 3", f"{DATA} 6", f"{TRAIN} 4", "Evaluator 5"}


def test_the_store_forgets_what_is_gone_and_gives_no_number_twice(workspace):
    many_runs(workspace)
    rows = counted(workspace.folder)
    clean.forget_outdated(workspace.folder)
    store = workspace.store
    assert {each.id for each in store.get_executions()} == {3, 4, 5, 6, 7}
    assert len(store.get_artifacts()) == 4
    assert {each.name for each in store.get_contexts_by_type("node")} == {
        *(f"small.{DATA}", f"small.{TRAIN}", "small.Evaluator"),
    }
    left = counted(workspace.folder)
    assert left["Event"] == rows["Event"] - 4  # of 1: one, of 2: two, of 8: one
    assert left["Context"] == rows["Context"] - 3
    assert left["Association"] == 2 * 5
    workspace.ran(DATA, Execution.COMPLETE, [])
    assert max(each.id for each in store.get_executions()) == 9
    clean.forget_outdated(workspace.folder)
    assert clean.outdated(workspace.folder) == []


def counted(workspace: Path) -> dict[str, int]:
    with sqlite3.connect(workspace / clean.METADATA) as store:
        return {
            table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("Event", "Context", "Association", "Artifact")
        }


def test_a_store_of_another_version_is_left_alone(workspace, monkeypatch):
    many_runs(workspace)
    before = counted(workspace.folder)
    monkeypatch.setattr(metadata_cleanup, "SCHEMA_VERSION", 11)
    clean.forget_outdated(workspace.folder)
    assert counted(workspace.folder) == before


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(temporary_folder, "abandoned", lambda: [])
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(small_values()))
    return file


def command(config: Path, *options: str) -> str:
    shown = CliRunner().invoke(app, ["clean", "-c", str(config), *options])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_the_command_says_what_goes_and_removes_it(workspace, config):
    many_runs(workspace)
    before = workspace.folders()
    told = command(config, "--dry-run")
    assert workspace.folders() == before
    assert told.splitlines() == [
        "half: its execution did not end well: 1 folder, 10 B",
        f"       10 B  {workspace.folder}/artifacts/Evaluator/output/8",
        "outdated: its node has run again since: 2 folders, 20 B",
        f"       10 B  {workspace.folder}/artifacts/{DATA}/output/1",
        f"       10 B  {workspace.folder}/artifacts/{TRAIN}/output/2",
        "would be removed: 30 B",
    ]
    assert command(config) == told.replace("would be removed", "removed")
    assert workspace.folders() == {f"{DATA} 3", f"{DATA} 6", f"{TRAIN} 4", "Evaluator 5"}
    assert command(config) == "removed: 0 B\n"


def test_the_command_leaves_a_running_run_alone(workspace, config):
    many_runs(workspace)
    before = workspace.folders(), workspace.states()
    with locked(workspace.folder, "run"):
        assert json.loads((workspace.folder / "lock").read_text())["command"] == "run"
        shown = CliRunner().invoke(app, ["clean", "-c", str(config)])
    assert shown.exit_code == 1
    assert shown.stderr.startswith("diptych: `diptych run` (process ")
    assert (workspace.folders(), workspace.states()) == before


def test_a_damaged_store_is_a_sentence(tmp_path, config):
    (tmp_path / "runs").mkdir()
    file = tmp_path / "runs" / clean.METADATA
    file.write_text("no database")
    shown = CliRunner().invoke(app, ["clean", "-c", str(config)])
    assert shown.exit_code == 1
    assert shown.stderr.startswith(f"diptych: {file}: cannot be read: ")
    assert shown.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (12_345_678, "12.3 MB"), (999_600, "1 MB")],
)
def test_bytes_in_words(count, text):
    assert in_bytes(count) == text
