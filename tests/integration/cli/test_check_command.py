"""`diptych check` as a whole, with a function in place of the pipeline."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from diptych.cli.check import command
from pipeline.config.run_config import parse
from pipeline.console.summary import NODE
from pipeline.console.terminal import make_console
from pipeline.local.session import RunFailedError
from schema.node_record import NodeRecord
from tests.integration.cli.test_check import COUNTS, LINES, SUMMARY, ingest
from tests.support.small_run import small_values

NODES = [NodeRecord(NODE, "ran", 2.5, 600_000_000)]


class Stage:
    """`check` with a function in place of the pipeline."""

    run: Callable[[Path, Any], tuple[dict[str, str], dict[str, Any]]]

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        self.config = parse(small_values(), folder / "config.yaml")
        self.workspace = folder / "runs"
        self._log = self.workspace / "logs" / "now.log"
        self._out = io.StringIO()
        patch.setattr("pipeline.local.session.open_session", self._session)

    @contextlib.contextmanager
    def _session(self, title: str, logs: Path):
        assert (title, logs) == ("small: check of the data", self._log.parent)
        logs.mkdir(parents=True)
        console = make_console(self._out, width=80)
        yield SimpleNamespace(console=console, log=self._log, run=self.run, nodes=NODES)

    @property
    def printed(self) -> list[str]:
        text = self._out.getvalue().replace(str(self.workspace.parent / "quarantine"), "FOLDER")
        return [line.rstrip() for line in text.splitlines()]

    @property
    def kept(self) -> dict[str, Any]:
        return json.loads(self._log.with_suffix(".json").read_text())


def test_a_check_is_kept_beside_its_log(tmp_path, monkeypatch):
    stage = Stage(tmp_path, monkeypatch)

    def run(workspace, build):
        assert workspace == stage.workspace
        return {NODE: "done"}, ingest(tmp_path)

    stage.run = run
    command.check(stage.config)
    assert stage.printed == ["", *COUNTS, *LINES]
    assert stage.kept["verdict"] == "checked: the data can be used"
    assert stage.kept["nodes"] == [
        {"id": NODE, "outcome": "ran", "seconds": 2.5, "peak_bytes": 600_000_000}
    ]
    assert stage.kept["quarantine"] == str(tmp_path / "quarantine")


def test_a_warm_up_as_long_as_the_run_is_found(tmp_path, monkeypatch):
    stage = Stage(tmp_path, monkeypatch)
    # 80 records in batches of 40 are two steps, ten times; the warm-up is 20.
    few = SUMMARY.model_copy(update={"examples": {"eval": 90, "train": 80}})
    training = stage.config.training.model_copy(update={"warmup_steps": 20})
    stage.config = stage.config.model_copy(update={"training": training})
    stage.run = lambda workspace, build: ({NODE: "done"}, ingest(tmp_path, few))
    message = "training.warmup_steps = 20 is too long: the run has 20 steps"
    with pytest.raises(RunFailedError, match=f"^{message}"):
        command.check(stage.config)
    assert stage.printed[2].split() == ["records", "80", "90"]
    assert stage.kept["verdict"].startswith(f"check failed: {message}")


@pytest.mark.parametrize("ingested", [True, False])
def test_what_is_known_is_told_of_a_check_that_failed(tmp_path, monkeypatch, ingested):
    stage = Stage(tmp_path, monkeypatch)

    def run(workspace, build):
        raise RunFailedError("ExampleValidator: no", ingest(tmp_path) if ingested else {})

    stage.run = run
    with pytest.raises(RunFailedError, match=r"^ExampleValidator: no$"):
        command.check(stage.config)
    assert stage.printed == (["", *COUNTS, *LINES] if ingested else [])
    assert stage.kept["verdict"] == "check failed: ExampleValidator: no"
    assert stage.kept["quarantine"] == (str(tmp_path / "quarantine") if ingested else None)
