import io
import logging
import os
from typing import Any

import pytest

from pipeline.console.progress_text import describe, duration, size
from pipeline.console.rich_console import Console
from pipeline.local.display import LineDisplay, Listener, choose
from pipeline.local.live_display import LiveDisplay
from pipeline.process.redirect_output import output_to
from schema.progress import report

EVENT = {
    "node": "Trainer",
    "step": 50,
    "steps": 1050,
    "records": 12800,
    "loss": 2.3456,
    "pairs_per_second": 1250,
    "seconds_left": 200,
}


def test_an_event_in_words():
    expected = "12,800 records, step 50 of 1,050, loss 2.346, 1,250 pairs/s, 3 min 20 s left"
    assert describe(EVENT) == expected
    assert describe({"node": "Evaluator", "records": 3}) == "3 records"
    searched = EVENT | {"trial": 3, "trials": 12, "best": "0.41 (training.learning_rate 0.004)"}
    assert describe(searched) == (
        f"trial 3 of 12, best 0.41 (training.learning_rate 0.004), {expected}"
    )
    assert describe(EVENT | {"seconds_left": -1, "pairs_per_second": 0}).endswith("loss 2.346")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(870_400_000, "870 MB"), (999_999_999, "1000 MB"), (1_640_000_000, "1.6 GB")],
)
def test_sizes(count, words):
    assert size(count) == words


def test_lines_say_start_end_and_what_is_new_every_ten_seconds(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    display = LineDisplay(stream)
    display.node("Trainer", "started")
    for step in range(1, 26):
        clock[0] += 1
        display.progress(EVENT | {"step": step})
    display.node("Trainer", "ran")
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "Trainer: started",
        "Trainer: 12",
        "Trainer: 12",
        "Trainer: ran",
    ]
    assert "step 11 of" in lines[1]
    assert "step 22 of" in lines[2]
    assert lines[3].startswith("Trainer: ran, 25 s, 12,800 records, step 25 of 1,050")


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_lines_where_there_is_no_terminal_or_one_without_a_moving_cursor(monkeypatch, kind):
    stream = io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(choose(stream, Console(file=stream)), LineDisplay)
    assert isinstance(choose(stream, Console(file=stream, force_terminal=True)), LiveDisplay)
    monkeypatch.setenv("TERM", kind)
    assert isinstance(choose(stream, Console(file=stream, force_terminal=True)), LineDisplay)


def test_a_listener_adds_up_what_the_workers_report():
    heard: list[dict[str, Any]] = []
    with Listener(heard.append):
        report("Evaluator", new_records=3)
        report("Evaluator", new_records=4)
        report("Trainer", step=1)
    report("Evaluator", new_records=9)
    assert heard == [
        {"node": "Evaluator", "records": 3},
        {"node": "Evaluator", "records": 7},
        {"node": "Trainer", "step": 1},
    ]


def test_a_listener_hears_our_warnings_and_not_those_of_libraries():
    warned: list[str] = []
    with Listener(lambda _: None, warned.append):
        logging.getLogger("trainer.training.train").warning("the loss is odd\nsecond line")
        logging.getLogger("components.release").warning("at %s", 3)
        logging.getLogger("diptych.progress").warning("ExampleValidator: drift")
        logging.getLogger("trainer").info("not this")
        logging.getLogger("absl").warning("nor this")
    logging.getLogger("trainer").warning("nor what comes later")
    assert warned == ["the loss is odd", "at 3", "ExampleValidator: drift"]


def test_what_libraries_print_goes_to_the_log(tmp_path, capfd):
    log = tmp_path / "a.log"
    with output_to(log) as terminal:
        os.write(1, b"from TFX\n")
        os.write(2, b"from C++\n")
        logging.getLogger("library").warning("from logging")
        print("for people", file=terminal)
    print("after")
    assert capfd.readouterr().out == "for people\nafter\n"
    text = log.read_text()
    for words in ("from TFX", "from C++", "library: from logging"):
        assert words in text
