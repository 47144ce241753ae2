"""Waiting for a run: what is told, what is survived, what ends it."""

import pytest

from kubeflow import submit


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(submit, "POLL_SECONDS", 0.01)


@pytest.mark.parametrize(("last", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1)])
def test_waiting_tells_each_change(desk, last, code):
    desk.server.state.states = ["PENDING", "RUNNING", "RUNNING", last]
    shown = desk.submit("--wait")
    assert shown.stdout.splitlines()[3:] == [
        "run run-4: pending",
        "run run-4: running",
        f"run run-4: {last.lower()}",
    ]
    assert shown.exit_code == code


def test_waiting_survives_a_server_that_is_away_for_a_while(desk):
    desk.server.state.states = ["RUNNING", "SUCCEEDED"]
    desk.server.fail(8, 503, times=4)
    shown = desk.submit("--wait")
    assert shown.stdout.splitlines()[3:] == ["run run-4: running", "run run-4: succeeded"]
    assert len(desk.server.asked("GET", "/runs/run-4")) == 6


@pytest.mark.parametrize(("patience", "code"), [(3, 0), (2, 1)])
def test_only_failures_in_a_row_count(desk, monkeypatch, patience, code):
    monkeypatch.setattr(submit, "PATIENCE", patience)
    desk.server.state.states = ["RUNNING", "SUCCEEDED"]
    desk.server.faults = {8: 503, 9: "close", 11: 500, 12: 429}  # and 10 is answered
    shown = desk.submit("--wait")
    assert shown.exit_code == code
    assert shown.stderr == (
        f"diptych: {desk.server.url}: broke off the connection when asked to say how run run-4 "
        "is; the run itself goes on\n"
        if code
        else ""
    )


def test_waiting_ends_when_the_sign_in_expires(desk):
    desk.server.state.states = ["RUNNING"] * 9
    desk.server.fail(10, 401)
    shown = desk.submit("--wait")
    assert shown.exit_code == 1
    assert shown.stderr == (
        f"diptych: {desk.server.url}: the sign-in is missing or has expired: write a token to a "
        "file and name the file in KF_PIPELINES_SA_TOKEN_PATH; the run itself goes on\n"
    )


def test_a_failed_run_says_which_node_and_why(desk):
    desk.submit()
    failed = {"display_name": "Trainer", "state": "FAILED"}
    error = {"code": 2, "message": "no   memory"}
    desk.server.state.states = []
    run = desk.server.state.runs["run-4"]
    run.update(state="FAILED", run_details={"task_details": [{**failed, "error": error}]})
    told: list[str] = []
    from kubeflow.client import connect
    from pipeline.config import load

    kubeflow = load(desk.config).kubeflow
    assert kubeflow is not None
    assert submit.wait(connect(kubeflow), "run-4", told.append) is False
    assert told == ["run run-4: failed", "  Trainer: no memory"]
