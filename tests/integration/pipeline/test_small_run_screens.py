"""The small run as its displays show it: what it reported, replayed on terminals and as events."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from diptych.cli.printing import print_summary
from pipeline.console.summary import of_local_run
from pipeline.local.event_stream import EventStream
from pipeline.local.events import EVENTS
from pipeline.local.live_display import LiveDisplay
from tests.support.screen import Screen
from tests.support.small_run import EVAL_RECORDS, TRAIN_RECORDS, SmallRun

RECORDS = {
    "ImageTextExampleGen": TRAIN_RECORDS + EVAL_RECORDS,
    "Trainer": 60 * 40,  # steps and pairs in each
    "Evaluator": EVAL_RECORDS,
}


def replay(run: SmallRun, display: Any) -> Iterator[None]:
    display.plan([node for node, state in run.events if state == "started"])
    for node, state in run.events:
        display.node(node, state)
        yield
        for event in run.progress:
            if state == "started" and event["node"] == node:
                display.progress(event)
                yield


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_small_run_on_a_terminal(small_run, size):
    screen = Screen(*size)
    console = screen.console()
    trained = []
    with LiveDisplay(console, lambda: 0.0, threaded=False) as display:
        for _ in replay(small_run, display):
            display.redraw()
            assert screen.scrolled == []
            trained += [line for line in screen.shown if line.startswith("step 60 of 60")]
    print_summary(of_local_run(small_run.outputs), console)
    assert trained
    lines = [*screen.scrolled, *screen.shown]
    rows = {line.split()[1]: line.split() for line in lines if line.startswith("✓  ")}
    assert list(rows) == list(small_run.outcomes)
    for node, count in RECORDS.items():
        assert rows[node][2:6] == ["done", "0.0", "s", f"{count:,}"]
    assert re.fullmatch(r"recall@10 0\.\d{3}, loss \d.*", " ".join(rows["Trainer"][6:]))
    assert "shipped: release 1 serves now" in lines
    assert max(map(len, lines)) <= size[0]


def test_the_small_run_as_events(small_run):
    written = io.StringIO()
    for _ in replay(small_run, EventStream(written, lambda: 0.0)):
        pass
    lines = written.getvalue().splitlines()
    for line in lines:
        EVENTS.validate_json(line)
    events = list(map(json.loads, lines))
    assert [e["node"] for e in events if e["event"] == "node_finished"] == list(small_run.outcomes)
    reached = {e["node"]: e["values"] for e in events if e["event"] == "node_progress"}
    assert {node: reached[node]["records"] for node in RECORDS} == RECORDS
    assert 0 < reached["Trainer"]["held_out_recall_at_10"] <= 1
