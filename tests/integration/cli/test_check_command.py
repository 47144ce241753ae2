"""`diptych check` as a whole, with a function in place of the pipeline."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from components.evaluator.metrics import token_metrics
from components.evaluator.metrics.measurement import Background, Estimate, Measurement
from components.example_validator.report import Report
from diptych.cli.check import command, outcome
from pipeline.config.run_config import parse
from pipeline.console.summary import NODE
from pipeline.console.terminal import make_console
from pipeline.local.display import LineDisplay
from pipeline.local.event_stream import EventStream
from pipeline.local.events import EVENTS
from pipeline.local.session import Session
from pipeline.process.stopping import Interrupted
from schema.errors import RunFailedError
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
    def _session(self, title: str, logs: Path, as_events: bool):
        assert logs == self._log.parent
        assert title == ("small" if as_events else "small: check of the data")
        logs.mkdir(parents=True)
        console = make_console(io.StringIO() if as_events else self._out, width=80)
        events = EventStream(self._out) if as_events else None
        here = Session(console, self._log, events or LineDisplay(self._out), events)
        here._recorder.records.extend(NODES)
        with mock.patch.object(Session, "run", staticmethod(self.run)):
            yield here

    @property
    def printed(self) -> list[str]:
        text = self._out.getvalue().replace(str(self.workspace.parent / "quarantine"), "FOLDER")
        return [line.rstrip() for line in text.splitlines()]

    @property
    def written(self) -> list[dict[str, Any]]:
        """Events, without their times."""
        lines = self._out.getvalue().splitlines()
        events = [EVENTS.validate_json(line).model_dump(mode="json") for line in lines]
        return [{k: v for k, v in event.items() if k != "time"} for event in events]

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


def ends(stage: Stage, outcome: str, sentence: str) -> list[dict[str, Any]]:
    """The two events at the end of a check."""
    record = str(stage.workspace / "logs" / "now.json")
    files = {"log": record.replace(".json", ".log"), "record": record}
    nothing = dict.fromkeys(("release", "serving", "curves"))
    return [
        {"event": "files", **files, **nothing},
        {"event": "verdict", "outcome": outcome, "sentence": sentence, "release": None},
    ]


def test_a_check_as_events(tmp_path, monkeypatch):
    stage = Stage(tmp_path, monkeypatch)
    shares = dict(zip(token_metrics.NAMES, (0.5, 0.25), strict=True))
    measured = {
        name: Measurement(Background(8), Estimate(value, value, value))
        for name, value in shares.items()
    }
    monkeypatch.setattr(outcome, "measure_tokens", lambda *_: measured)
    compared = Report(warnings=("caption lengths differ",), notes=("not compared",))
    monkeypatch.setattr(outcome, "report_of", lambda _: compared)
    stage.run = lambda workspace, build: ({NODE: "done"}, ingest(tmp_path))
    command.check(stage.config, as_json=True)
    *warned, note, unknown, equal, data, files, verdict = stage.written
    assert warned == [{"event": "warning", "sentence": "caption lengths differ"}]
    assert note == {"event": "note", "sentence": "not compared"}
    assert unknown["sentence"].startswith("50 % of the tokens stand for characters")
    assert equal["sentence"].startswith("25 % of the different captions")
    counts = SUMMARY.model_dump()
    assert data == {
        "event": "data",
        **{name: counts[name] for name in (
            "read", "examples", "merged", "quarantined", "near_duplicates", "captions_dropped",
            "images_changed",
        )},
        **shares,
    }  # fmt: skip
    assert data["quarantined"]["damaged_pixels"] == 1_047
    assert [files, verdict] == ends(stage, "usable", "checked: the data can be used")
    assert stage.kept["verdict"] == "checked: the data can be used"


@pytest.mark.parametrize("ingested", [True, False])
def test_a_check_that_failed_as_events(tmp_path, monkeypatch, ingested):
    stage = Stage(tmp_path, monkeypatch)

    def run(workspace, build):
        raise RunFailedError("ExampleValidator: no", ingest(tmp_path) if ingested else {})

    stage.run = run
    with pytest.raises(RunFailedError, match=r"^ExampleValidator: no$"):
        command.check(stage.config, as_json=True)
    *data, files, verdict = stage.written
    assert [event["unknown_token_share"] for event in data] == [None] * ingested
    assert [files, verdict] == ends(stage, "failed", "check failed: ExampleValidator: no")


def test_a_check_that_a_signal_ends_has_a_verdict(tmp_path, monkeypatch):
    stage = Stage(tmp_path, monkeypatch)

    def run(workspace, build):
        raise Interrupted("StatisticsGen")

    stage.run = run
    with pytest.raises(Interrupted):
        command.check(stage.config, as_json=True)
    assert stage.written == ends(stage, "stopped", "stopped in StatisticsGen")
    assert stage.kept["verdict"] == "stopped in StatisticsGen"
