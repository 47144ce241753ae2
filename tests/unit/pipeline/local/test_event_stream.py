"""Events as JSON: each is one line that its class describes, and docs/events.md explains all."""

import io
import json
import math
import re
import subprocess
import sys
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.local.event_stream import EventStream
from pipeline.local.events import EVENTS, VERSION, AnyEvent, Event
from tests.support.paths import ROOT
from tests.support.recorded_run import CACHED, NODES, OVERFITTING, PEAK_BYTES, SECONDS, replay

PAGE = (ROOT / "docs" / "events.md").read_text("utf-8")
CLASSES: dict[str, type[Event]] = {
    get_args(kind.model_fields["event"].annotation)[0]: kind
    for kind in get_args(get_args(AnyEvent)[0])
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


class Reader:
    """What a program reads of a stream, whose clock stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self._text = io.StringIO()
        self.stream = EventStream(self._text, lambda: self.now)

    def move_clock(self, seconds: float) -> None:
        self.now += seconds

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self._text.getvalue().splitlines()
        assert all(line.isascii() and line.isprintable() for line in lines)
        found = [json.loads(line) for line in lines]
        for event, line in zip(found, lines, strict=True):
            EVENTS.validate_json(line)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}\+00:00", event.pop("time"))
        return found


def test_a_run_as_events():
    reader = Reader()
    reader.stream.begin("emoji", "/w/now.log")
    with reader.stream as display:
        for _ in replay(display, reader.move_clock):
            pass
    first, *events = reader.events
    assert first == {
        "event": "run_started", "version": VERSION, "name": "emoji", "log": "/w/now.log"
    }  # fmt: skip
    assert events[1] == {"event": "planned", "nodes": list(NODES)}
    ended = [event for event in events if "seconds" in event]
    assert [(e["node"], e["seconds"], e["peak_bytes"]) for e in ended] == [
        (node, SECONDS[node], PEAK_BYTES) for node in ("set-up", *NODES)
    ]
    assert [e["node"] for e in ended if e["event"] == "node_cached"] == list(CACHED)
    assert [e["values"]["step"] for e in events if "step" in e.get("values", {})] == [
        187, 769, 1512,
    ]  # fmt: skip
    assert [e["sentence"] for e in events if e["event"] == "warning"] == [OVERFITTING]
    at = [e["event"] for e in events]
    assert at.index("planned") < at.index("node_cached")


def test_progress_comes_once_a_second_and_the_last_one_always():
    reader = Reader()
    for step in range(100):
        reader.stream.progress({"node": "Trainer", "step": step, "steps": 100})
        reader.stream.progress({"node": "Other", "records": step})
        reader.move_clock(0.25)
    reader.stream.node("Trainer", "ran")
    reader.stream.node("Other", "failed")
    steps = [e["values"]["step"] for e in reader.events if "step" in e.get("values", {})]
    assert steps == [*range(0, 100, 4), 99]
    records = [e["values"]["records"] for e in reader.events if "records" in e.get("values", {})]
    assert records == steps
    assert [e["event"] for e in reader.events[-4:]] == [
        "node_progress", "node_finished", "node_progress", "node_failed",
    ]  # fmt: skip


HOSTILE = "a\nrelease 9\x1b[2J\u202e\u2028 https://u:hunter2@host \udcff"


def test_whatever_a_node_reports_is_one_line_without_secrets():
    reader = Reader()
    odd = {
        "loss": math.nan,
        "rate": np.float32(0.5),
        "size": np.int64(3),
        "list": [1],
        HOSTILE[:-1]: 1,
    }
    reader.stream.progress({"node": HOSTILE, "best": HOSTILE, **odd})
    reader.stream.warning(HOSTILE)
    progress, warning = reader.events
    hidden = HOSTILE.replace("u:hunter2", "***").replace("\udcff", "\\xff")
    assert progress["node"] == progress["values"]["best"] == warning["sentence"] == hidden
    assert progress["values"] | {"best": ""} == {
        "best": "", "loss": "nan", "rate": 0.5, "size": 3.0, "list": "[1]", hidden[:-4]: 1
    }  # fmt: skip


def test_an_event_without_a_value_is_a_mistake_of_ours():
    with pytest.raises(ValidationError):
        Reader().stream.write("gate", passed=True)
    with pytest.raises(ValidationError):
        Reader().stream.write("no_such_event")


def test_the_page_has_a_row_for_each_event_with_all_of_its_values():
    rows = [
        [re.findall(r"`(\w+)`", cell) for cell in line.split("|")[1:3]]
        for line in PAGE.splitlines()
        if line.startswith("| `")
    ]
    documented = {name: values for names, values in rows for name in names if name in CLASSES}
    assert documented == {
        name: [field for field in kind.model_fields if field not in ("event", "time")]
        for name, kind in CLASSES.items()
    }
    assert f"`version` is {VERSION}." in PAGE


def test_the_examples_of_the_page_are_events():
    lines = "".join(blocks("json")).splitlines()
    assert len(lines) > 10
    for line in lines:
        EVENTS.validate_json(line)


def test_the_program_of_the_page_follows_a_run():
    [program], [examples, _] = blocks("python"), blocks("json")
    ended = subprocess.run(
        [sys.executable, "-I", "-c", program], input=examples, capture_output=True, text=True
    )
    assert (ended.stdout, ended.stderr) == (
        "set-up: 6.8 s\nImageTextExampleGen: 0.1 s\nshipped 1\n", ""
    )  # fmt: skip
