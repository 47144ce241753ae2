import math
from typing import Any

import pytest
import tensorflow as tf

from pipeline.console.progress_text import describe
from pipeline.local.display import Listener
from schema.errors import InputError, sentence_for_people
from trainer.training.monitoring.progress import ProgressReporter
from trainer.training.performance.cpu import keep_freed_memory


def test_reports_rate_and_time_left():
    clock = [100.0]
    heard: list[dict[str, Any]] = []
    watch = ProgressReporter(steps=10, batch_size=50, clock=lambda: clock[0])
    with Listener(heard.append):
        for step in range(10):
            clock[0] += 3.0 if step < 2 else 0.25  # the first two compile and are not counted
            watch.step(step + 1, tf.constant(4.0))
    # every 0.5 s: after steps 1 and 2, then every second one; the last one always
    assert [e["step"] for e in heard] == [1, 2, 5, 8, 10]
    assert heard[-1] == {
        "node": "Trainer",
        "step": 10,
        "steps": 10,
        "records": 500,
        "loss": 4.0,
        "pairs_per_second": 200,  # 50 in 0.25 s
        "seconds_left": 0,
    }
    assert heard[2]["seconds_left"] == 1  # 5 steps x 50 / 200, rounded to even


def test_a_measurement_is_reported_at_once_and_from_then_on():
    clock = [0.0]
    heard: list[dict[str, Any]] = []
    watch = ProgressReporter(steps=4, batch_size=50, clock=lambda: clock[0])
    with Listener(heard.append):
        for step in (1, 2, 3, 4):
            clock[0] += 1
            watch.step(step, tf.constant(4.0))
            if step == 2:
                watch.catch_up(step)
                watch.measured(step, 0.43219)
    recalls = [(e["step"], e.get("held_out_recall_at_10")) for e in heard]
    assert recalls == [(1, None), (2, None), (2, 0.4322), (3, 0.4322), (4, 0.4322)]
    assert describe(heard[-1]).endswith("loss 4.000, held-out recall@10 0.432, 50 pairs/s")


def test_a_resumed_run_reports_the_step_of_its_checkpoint():
    heard: list[dict[str, Any]] = []
    watch = ProgressReporter(steps=42, batch_size=50)
    with Listener(heard.append):
        for step in (41, 42):
            watch.step(step, tf.constant(4.0))
    assert [(e["step"], e["resumed_from"]) for e in heard] == [(41, 40), (42, 40)]
    assert "step 42 of 42, resumed from step 40, loss 4" in describe(heard[-1])


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_with_a_sentence_and_the_right_step(loss):
    watch = ProgressReporter(steps=100, batch_size=50, clock=lambda: 0.0)  # no report is ever due
    watch.step(41, tf.constant(1.0))  # an attempt that goes on from step 40
    watch.step(42, tf.constant(loss))
    for done in range(43, 50):
        watch.step(done, tf.constant(1.0))
    with pytest.raises(InputError, match=rf"the loss is {loss} at step 42 of 100; a lower"):
        watch.step(50, tf.constant(1.0))  # ten are read at once


def test_freed_memory_is_kept_on_glibc():
    assert keep_freed_memory()


def test_the_sentence_is_found_behind_what_beam_makes_of_it():
    plain = InputError("f: k: is no image")
    assert sentence_for_people(plain) == "f: k: is no image"
    staged = InputError("f: k: is no image [while running 'Read']")
    assert sentence_for_people(staged) == "f: k: is no image"
    chained = RuntimeError("outer")
    chained.__cause__ = ValueError("middle")
    chained.__cause__.__cause__ = plain
    assert sentence_for_people(chained) == "f: k: is no image"
    # what another process leaves of it: text
    remote = RuntimeError(
        "Traceback (most recent call last):\n  File 'a.py', line 1, in b\n"
        "schema.errors.InputError: f: k: is no image [while running 'Read-ptransform-12']\n"
    )
    assert sentence_for_people(remote) == "f: k: is no image"
    assert sentence_for_people(ValueError("something else")) is None
