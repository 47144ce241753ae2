"""Names, reasons, keys and answers from elsewhere in what the commands print."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components.example_gen.records import quarantine
from components.example_gen.records.examined import Refused
from components.example_gen.rows import Place
from components.release.config import PushConfig
from components.release.store import ReleaseStore
from diptych.cli.main import app
from tests.support.kfp.desk import Desk
from tests.support.releases import writer
from tests.support.small_run import small_values

FORGED = "x\nrelease 9 serves now\x1b[2J\r\u202e[/bold]"
SHOWN = r"x\nrelease 9 serves now\x1b[2J\r\u202e[/bold]"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def run(code: int, *arguments: str) -> list[str]:
    """The lines of a command's output; none is forged."""
    ended = CliRunner().invoke(app, arguments)
    assert isinstance(ended.exception, SystemExit | None), ended.exception
    assert ended.exit_code == code, ended.output
    assert not CONTROL.search(ended.output)
    lines = ended.output.splitlines()
    assert "release 9 serves now" not in [line.lstrip()[:20] for line in lines]
    return lines


def configured(folder: Path, **changes: Any) -> str:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({**small_values(), **changes}))
    return str(file)


def test_reasons_and_folders_of_releases(tmp_path):
    config = configured(tmp_path)
    store = ReleaseStore("small", PushConfig(path=str(tmp_path / "serving")))
    store.publish(writer("a", refusals=(FORGED,)))
    (tmp_path / "serving" / "releases" / FORGED.replace("/", "")).mkdir()
    forced = run(0, "promote", "1", "--force", "--reason", FORGED, "-c", config)
    assert forced[0].startswith("release 1 serves now")
    assert any(SHOWN in line for line in run(0, "why", "1", "-c", config))
    listed = run(0, "releases", "-c", config)
    assert any(SHOWN.replace("/", "") in line for line in listed)


@pytest.mark.parametrize("output", [False, True])
def test_records_in_the_quarantine(tmp_path, output):
    config = configured(tmp_path)
    logs, kept = tmp_path / "runs" / "logs", tmp_path / "kept"
    logs.mkdir(parents=True)
    kept.mkdir()
    (logs / "2026-11-26T02-00-00.json").write_text(json.dumps({"quarantine": str(kept)}))
    refused = Refused("train", Place(FORGED, 7), "bad_metadata", FORGED, FORGED, b"\x1b[2J")
    (kept / "records-00000-of-00001.jsonl").write_text(quarantine.line(refused) + "\n")
    summary = quarantine.Summary(read=2, examples={"train": 1}, quarantined={"bad_metadata": 1})
    (kept / quarantine.SUMMARY).write_text(summary.model_dump_json())
    rows = tmp_path / "rows.jsonl"
    more = ["--output", str(rows)] if output else []
    printed = run(0, "quarantine", "list", "-c", config, *more)
    if output:
        [line] = rows.read_text().splitlines()
        assert json.loads(line)["key"] == FORGED
        assert not CONTROL.search(line)
    else:
        assert sum(line.count(SHOWN) for line in printed) == 3


def test_answers_of_kubeflow(desk: Desk):
    desk.server.state.version = f"2.5.0{FORGED}"
    shown = desk("schedule", "pause", FORGED)
    assert shown.exit_code == 1
    assert not CONTROL.search(shown.output)
    assert f"no schedule is called {SHOWN}; " in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_names_of_config_files(tmp_path):
    folder = tmp_path / FORGED.replace("/", "")
    [line] = run(2, "run", str(folder / "config.yaml"))
    assert f"{SHOWN.replace('/', '')}/config.yaml: No such file or directory; " in line
